//! Reads Rust as far as the walls need it: the names that a file uses, on which line, in product code or in test code.
//!
//! Comments and literals are no names. A `use` tree stands for the paths in it, so `use std::{fs, net}` names
//! `std::fs`. A called macro is a name with its `!`. Items under `#[cfg(test)]` or `#[test]` are test code, files
//! included; items under `#[cfg(any(test, …))]` are product code too.

use std::collections::BTreeSet;

/// A Rust source file.
#[derive(Debug)]
pub(super) struct Source {
    /// The path from the project's root.
    pub(super) path: String,
    /// The names in the order of the text.
    pub(super) names: Vec<Name>,
}

/// A name: a path as written, or a single word.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
    pub(super) in_test: bool,
}

/// Reads the files `(path, text)`.
pub(super) fn read_all(files: &[(String, String)]) -> Vec<Source> {
    let read: Vec<(Source, Vec<String>)> = files.iter().map(|(path, text)| read(path, text)).collect();
    let test_files: BTreeSet<String> = read.iter().flat_map(|(_, test_files)| test_files.clone()).collect();
    let mut sources: Vec<Source> = read.into_iter().map(|(source, _)| source).collect();
    for source in &mut sources {
        let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
        let whole = test_files.iter().any(|file| stem == file || stem.starts_with(&format!("{file}/")));
        source.names.iter_mut().for_each(|name| name.in_test |= whole);
    }
    sources
}

/// The names in one file, and the modules (paths without `.rs`) that it declares for tests only.
fn read(path: &str, text: &str) -> (Source, Vec<String>) {
    let tokens = tokens(text);
    let in_test = test_code(&tokens);
    let mut names = Vec::new();
    let mut test_files = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Token::Word(word) = &tokens[at].token else {
            at += 1;
            continue;
        };
        let (start, first) = (at, names.len());
        if word == "use" && !is_sign(&tokens, at + 1, '<') {
            at += 1;
            use_tree(&tokens, &mut at, &[], &mut names);
        } else {
            names.push(path_at(&tokens, &mut at));
        }
        if in_test[start] {
            names[first..].iter_mut().for_each(|name| name.in_test = true);
            if word == "mod" && is_sign(&tokens, start + 2, ';') {
                test_files.extend(self::word(&tokens, start + 1).map(|name| format!("{}/{name}", folder_of(path))));
            }
        }
    }
    (Source { path: path.to_owned(), names }, test_files)
}

/// The folder of a file's submodules: beside a crate root, in the folder of the file's name otherwise.
fn folder_of(path: &str) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    match stem.rsplit_once('/') {
        Some((folder, "lib" | "main" | "promises")) => folder.to_owned(),
        _ => stem.to_owned(),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(char),
    Literal,
}

#[derive(Debug)]
struct Placed {
    line: usize,
    token: Token,
}

fn is_sign(tokens: &[Placed], at: usize, sign: char) -> bool {
    tokens.get(at).is_some_and(|placed| placed.token == Token::Sign(sign))
}

fn is_path_separator(tokens: &[Placed], at: usize) -> bool {
    is_sign(tokens, at, ':') && is_sign(tokens, at + 1, ':')
}

fn word(tokens: &[Placed], at: usize) -> Option<&str> {
    match tokens.get(at).map(|placed| &placed.token) {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    }
}

/// The path that starts at `at`, moving `at` behind it. A path that follows a type in brackets (`<T>::now`) has an
/// empty first segment.
fn path_at(tokens: &[Placed], at: &mut usize) -> Name {
    let mut segments = Vec::new();
    if *at >= 2 && is_path_separator(tokens, *at - 2) {
        segments.push(String::new());
    }
    let mut line = tokens[*at].line;
    while let Some(segment) = word(tokens, *at) {
        line = tokens[*at].line;
        segments.push(segment.to_owned());
        *at += 1;
        if is_path_separator(tokens, *at) && word(tokens, *at + 2).is_some() {
            *at += 2;
        } else {
            break;
        }
    }
    let called = ['(', '[', '{'].iter().any(|open| is_sign(tokens, *at + 1, *open));
    if is_sign(tokens, *at, '!') && called {
        segments.last_mut().expect("a path has a segment").push('!');
    }
    Name { line, segments, in_test: false }
}

/// The paths of a `use` tree that starts at `at`, moving `at` behind it.
fn use_tree(tokens: &[Placed], at: &mut usize, above: &[String], names: &mut Vec<Name>) {
    let mut segments = above.to_vec();
    loop {
        if is_path_separator(tokens, *at) {
            *at += 2;
        }
        let Some(placed) = tokens.get(*at) else { return };
        let line = placed.line;
        *at += 1;
        match &placed.token {
            Token::Sign('{') => {
                while *at < tokens.len() && !is_sign(tokens, *at, '}') {
                    use_tree(tokens, at, &segments, names);
                    *at += usize::from(is_sign(tokens, *at, ','));
                }
                *at += 1;
                return;
            }
            Token::Word(word) if word == "self" && !segments.is_empty() => {}
            Token::Word(word) => segments.push(word.clone()),
            _ => segments.push("*".to_owned()),
        }
        if !is_path_separator(tokens, *at) {
            names.push(Name { line, segments, in_test: false });
            if word(tokens, *at) == Some("as") {
                *at += 2;
            }
            return;
        }
    }
}

/// The tokens that are test code: for each token whether it is.
fn test_code(tokens: &[Placed]) -> Vec<bool> {
    let mut marks = vec![false; tokens.len()];
    let mut at = 0;
    while at < tokens.len() {
        let inner = is_sign(tokens, at + 1, '!');
        let open = at + 1 + usize::from(inner);
        if !(is_sign(tokens, at, '#') && is_sign(tokens, open, '[')) {
            at += 1;
            continue;
        }
        let close = closing(tokens, open);
        let words: Vec<&str> = (open..close).filter_map(|at| word(tokens, at)).collect();
        if is_test_attribute(&words) {
            let end = if inner { tokens.len() } else { end_of_item(tokens, close + 1) };
            marks[at..end].fill(true);
        }
        at = close + 1;
    }
    marks
}

fn is_test_attribute(words: &[&str]) -> bool {
    match words {
        ["test", ..] | ["tokio", "test", ..] | ["cfg", "test"] => true,
        ["cfg", "all", rest @ ..] => rest.contains(&"test") && !rest.contains(&"not") && !rest.contains(&"any"),
        _ => false,
    }
}

/// The end of the item at `at`: behind its `;`, its closing brace, or the end of what encloses it.
fn end_of_item(tokens: &[Placed], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].token {
            Token::Sign('(' | '[') => at = closing(tokens, at),
            Token::Sign('{') => return (closing(tokens, at) + 1).min(tokens.len()),
            Token::Sign(';') => return at + 1,
            Token::Sign('}' | ')' | ']') => return at,
            _ => {}
        }
        at += 1;
    }
    tokens.len()
}

/// The position of the closing bracket for the one at `open`.
fn closing(tokens: &[Placed], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, placed) in tokens.iter().enumerate().skip(open) {
        match placed.token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

fn tokens(text: &str) -> Vec<Placed> {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut line, mut tokens) = (0, 1, Vec::new());
    while at < text.len() {
        let (token, end) = token_at(&text, at);
        if let Some(token) = token {
            tokens.push(Placed { line, token });
        }
        line += text[at..end].iter().filter(|sign| **sign == '\n').count();
        at = end;
    }
    tokens
}

/// The token at `at`, `None` for space and comments, and where it ends.
fn token_at(text: &[char], at: usize) -> (Option<Token>, usize) {
    let from = |start: usize| &text[start.min(text.len())..];
    let find = |start: usize, end: &str| {
        let end: Vec<char> = end.chars().collect();
        from(start).windows(end.len()).position(|window| window == end).map_or(text.len(), |found| start + found)
    };
    match from(at) {
        ['/', '/', ..] => (None, find(at, "\n")),
        ['/', '*', ..] => (None, end_of_block_comment(text, at)),
        ['"', ..] | ['b' | 'c', '"', ..] => (Some(Token::Literal), end_of_quoted(text, find(at, "\"") + 1, '"')),
        ['r', '"' | '#', ..] | ['b' | 'c', 'r', '"' | '#', ..] => {
            let hashes_at = find(at, "r") + 1;
            let hashes = from(hashes_at).iter().take_while(|sign| **sign == '#').count();
            if text.get(hashes_at + hashes) == Some(&'"') {
                let end = format!("\"{}", "#".repeat(hashes));
                (Some(Token::Literal), (find(hashes_at + hashes + 1, &end) + end.len()).min(text.len()))
            } else {
                word_at(text, hashes_at + hashes)
            }
        }
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (Some(Token::Literal), end_of_quoted(text, at + 1, '\'')),
        ['b', '\'', ..] => (Some(Token::Literal), end_of_quoted(text, at + 2, '\'')),
        ['\'', ..] => (Some(Token::Literal), word_at(text, at + 1).1),
        [sign, ..] if sign.is_whitespace() => (None, at + 1),
        [sign, ..] if sign.is_ascii_digit() => (Some(Token::Literal), word_at(text, at).1),
        [sign, ..] if is_of_word(*sign) => word_at(text, at),
        [sign, ..] => (Some(Token::Sign(*sign)), at + 1),
        [] => (None, at + 1),
    }
}

fn is_of_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

fn word_at(text: &[char], at: usize) -> (Option<Token>, usize) {
    let word: String = text[at..].iter().take_while(|sign| is_of_word(**sign)).collect();
    let end = at + word.chars().count();
    (Some(Token::Word(word)), end)
}

fn end_of_quoted(text: &[char], mut at: usize, quote: char) -> usize {
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            sign if sign == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn end_of_block_comment(text: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < text.len() {
        match &text[at..(at + 2).min(text.len())] {
            ['/', '*'] => (depth, at) = (depth + 1, at + 2),
            ['*', '/'] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The spoken names of `text`, those in product code, joined: the tests below compare them.
fn spoken(text: &str) -> Vec<String> {
    let (source, _) = read("protocol/src/x.rs", text);
    source.names.iter().filter(|name| !name.in_test).map(|name| name.segments.join("::")).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(spoken(text), expected, "{text}");
}

#[test]
fn comments_and_literals_are_no_names() {
    check("// std::fs\n/// std::fs\n//! std::fs", &[]);
    check("/* std::fs /* nested */ std::net */ a", &["a"]);
    check(
        r###"a("std::fs \" std::net", r#"std::fs " std"#, b"fs", br"fs", c"fs", 'f', '\'', b'f', 1_u8) b"###,
        &["a", "b"],
    );
    check("a<'fs, 'b>(x: &'fs u8)", &["a", "x", "u8"]);
}

#[test]
fn paths_and_use_trees_are_read_whole() {
    check("std::fs::read(x)", &["std::fs::read", "x"]);
    check("::std::fs", &["::std::fs"]);
    check("<A as B>::now()", &["A", "as", "B", "::now"]);
    check("A::<B>::now()", &["A", "B", "::now"]);
    check("use std::fs; a", &["std::fs", "a"]);
    check(
        "pub use std::{self, fs::{read, File as F}, net::*, }; a",
        &["pub", "std", "std::fs::read", "std::fs::File", "std::net::*", "a"],
    );
    check("fn f() -> impl A + use<'a, B>", &["fn", "f", "impl", "A", "use", "B"]);
    check("println!(); a != b; !c; r#fn", &["println!", "a", "b", "c", "fn"]);
}

#[test]
fn what_a_test_attribute_governs_is_test_code() {
    check("#[cfg(test)] mod tests { use std::fs; fn f() { a } } b", &["b"]);
    check("#[test] #[should_panic] fn f(x: [u8; 2]) { a } b", &["b"]);
    check("#[cfg(all(test, unix))] use a::b; c", &["c"]);
    check("#[tokio::test(flavor = \"x\")] async fn f() { a } b", &["b"]);
    check("#![cfg(test)] a", &[]);
    check("#[cfg(not(test))] a", &["cfg", "not", "test", "a"]);
    check("#[cfg(any(test, sim))] a", &["cfg", "any", "test", "sim", "a"]);
}

#[test]
fn a_file_declared_for_tests_only_is_test_code() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let files = [
        file("protocol/src/lib.rs", "#[cfg(test)] mod a; mod b;"),
        file("protocol/src/a.rs", "x"),
        file("protocol/src/a/c.rs", "x"),
        file("protocol/src/b.rs", "#[cfg(test)] mod tests;"),
        file("protocol/src/b/tests.rs", "x"),
        file("protocol/src/ab.rs", "x"),
    ];
    let product: Vec<String> = read_all(&files)
        .into_iter()
        .filter(|source| source.names.iter().any(|name| !name.in_test))
        .map(|source| source.path)
        .collect();
    assert_eq!(product, ["protocol/src/lib.rs", "protocol/src/ab.rs"].map(str::to_owned));
}
