//! Articles of the Criminal Code as indictments list them: «ст. 30 ч.3, ст.159 ч.4», «ч. 3 ст. 338 УК РФ», «352¹».

use std::fmt;

use super::CitationError;

/// An article charged; a repeated one is a second count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Article {
    /// Number of the article, such as `352.1`.
    pub article: String,
    /// Part of the article, such as `3` or `2.1`.
    pub part: Option<String>,
    /// Points of the part, such as `а` and `в`.
    pub points: Vec<String>,
    /// Form of the offence: attempt, preparation or complicity; none for a completed offence of the perpetrator.
    pub form: Option<ArticleForm>,
}

/// Form of an offence under Articles 30 and 33, which modifies the article that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArticleForm {
    /// Preparation, Art. 30(1).
    Preparation,
    /// Attempt, Art. 30(3).
    Attempt,
    /// Complicity, Art. 33.
    Complicity {
        /// Part of Art. 33: 2 perpetrator to 5 accessory.
        part: String,
    },
}

/// Articles whose parts have codes of their own in the vocabulary `charge`; 275.1 is an article, 338.1 a part.
const CODED_BY_PART: [&str; 3] = ["332", "337", "338"];
/// Article on preparation and attempt.
const UNFINISHED: &str = "30";
/// Article on complicity.
const COMPLICITY: &str = "33";

impl Article {
    /// Parses all articles of a text, in order.
    ///
    /// # Errors
    /// The text holds something else, or an attempt or complicity without an article.
    pub fn read_all(text: &str) -> Result<Vec<Self>, CitationError> {
        let tokens = tokens(text)?;
        let (mut articles, mut form) = (Vec::new(), None);
        for mut article in grouped(&tokens)? {
            match (&*article.article, article.part.as_deref()) {
                (UNFINISHED, Some("1")) => form = Some(ArticleForm::Preparation),
                (UNFINISHED, Some("3")) => form = Some(ArticleForm::Attempt),
                (COMPLICITY, Some(part)) => form = Some(ArticleForm::Complicity { part: part.to_owned() }),
                (UNFINISHED | COMPLICITY, _) => return Err(CitationError::Articles),
                _ => {
                    article.form = form.take();
                    articles.push(article);
                }
            }
        }
        if articles.is_empty() || form.is_some() { Err(CitationError::Articles) } else { Ok(articles) }
    }

    /// The code of the article in the vocabulary `charge`, which need not list it: `RU-CC-352.1`, `RU-CC-338.3`.
    #[must_use]
    pub fn charge_code(&self) -> String {
        match &self.part {
            Some(part) if CODED_BY_PART.contains(&&*self.article) => format!("RU-CC-{}.{part}", self.article),
            _ => format!("RU-CC-{}", self.article),
        }
    }

    /// The article of a code of the vocabulary `charge`; none for `RU-CC-other`.
    #[must_use]
    pub fn of_charge_code(code: &str) -> Option<Self> {
        let number = code.strip_prefix("RU-CC-").filter(|number| number.starts_with(|c: char| c.is_ascii_digit()))?;
        let (article, part) = match number.split_once('.') {
            Some((article, part)) if CODED_BY_PART.contains(&article) => (article, Some(part.to_owned())),
            _ => (number, None),
        };
        Some(Self { article: article.to_owned(), part, points: vec![], form: None })
    }

    /// Whether this article is `other` or, being less specific, includes it: Art. 338 includes Art. 338(3)(б). The form
    /// of the offence makes no difference.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.article == other.article
            && (self.part.is_none() || self.part == other.part)
            && self.points.iter().all(|point| other.points.contains(point))
    }
}

impl ArticleForm {
    /// The code in the vocabulary `offence_form`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Preparation => "preparation",
            Self::Attempt => "attempt",
            Self::Complicity { .. } => "complicity",
        }
    }
}

/// The normal form: «ст. 30 ч. 3, ст. 158 ч. 3 п. а, в».
impl fmt::Display for Article {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            None => Ok(()),
            Some(ArticleForm::Preparation) => write!(f, "ст. {UNFINISHED} ч. 1, "),
            Some(ArticleForm::Attempt) => write!(f, "ст. {UNFINISHED} ч. 3, "),
            Some(ArticleForm::Complicity { part }) => write!(f, "ст. {COMPLICITY} ч. {part}, "),
        }?;
        write!(f, "ст. {}", self.article)?;
        if let Some(part) = &self.part {
            write!(f, " ч. {part}")?;
        }
        if !self.points.is_empty() {
            write!(f, " п. {}", self.points.join(", "))?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    ArticleMark,
    PartMark,
    PointMark,
    Number(String),
    Letter(char),
    Separator,
}

fn tokens(text: &str) -> Result<Vec<Token>, CitationError> {
    let text = text.to_lowercase().replace("ук рф", " ").replace("ук рсфср", " ");
    let mut chars = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        let token = match c {
            c if c.is_ascii_digit() => {
                let mut number = String::from(c);
                while let Some(next) = chars.next_if(|c| c.is_ascii_digit() || *c == '.' || "¹²³⁴⁵⁶⁷⁸⁹⁰".contains(*c))
                {
                    match superscript(next) {
                        Some(digit) => {
                            if !number.contains('.') {
                                number.push('.');
                            }
                            number.push(digit);
                        }
                        None => number.push(next),
                    }
                }
                Token::Number(number.trim_end_matches('.').to_owned())
            }
            ',' | ';' | '-' | '–' | '—' => Token::Separator,
            '.' | '(' | ')' | '«' | '»' | '"' => continue,
            c if c.is_whitespace() => continue,
            c if c.is_alphabetic() => {
                let mut word = String::from(c);
                while let Some(next) = chars.next_if(|c| c.is_alphabetic()) {
                    word.push(next);
                }
                match &*word {
                    "ст" | "статья" | "статьи" | "статье" | "статей" | "art" | "article" => {
                        Token::ArticleMark
                    }
                    "ч" | "часть" | "части" | "частью" | "part" => Token::PartMark,
                    "п" | "пп" | "пункт" | "пункты" | "пункта" | "пунктам" | "point" => {
                        Token::PointMark
                    }
                    "и" | "and" => Token::Separator,
                    word if word.chars().count() == 1 => Token::Letter(c),
                    _ => return Err(CitationError::Articles),
                }
            }
            _ => return Err(CitationError::Articles),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn superscript(c: char) -> Option<char> {
    "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().zip('0'..='9').find(|(sign, _)| *sign == c).map(|(_, digit)| digit)
}

/// Groups marks and numbers into articles: the part may precede («ч. 3 ст. 338») or follow («ст. 338 ч. 3») its
/// article.
fn grouped(tokens: &[Token]) -> Result<Vec<Article>, CitationError> {
    let mut articles: Vec<Article> = Vec::new();
    let mut before = (None::<String>, Vec::<String>::new());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match (token, tokens.get(at + 1)) {
            (Token::Separator, _) => at += 1,
            (Token::PartMark, Some(Token::Number(part))) => {
                let belongs_before = articles.is_empty() || precedes_article(&tokens[at + 2..]) || before.0.is_some();
                match articles.last_mut() {
                    Some(article) if !belongs_before && article.part.is_none() => article.part = Some(part.clone()),
                    _ if belongs_before && before.0.is_none() => before.0 = Some(part.clone()),
                    _ => return Err(CitationError::Articles),
                }
                at += 2;
            }
            (Token::PointMark, Some(_)) => {
                let (points, read) = points(&tokens[at + 1..]);
                if points.is_empty() {
                    return Err(CitationError::Articles);
                }
                at += 1 + read;
                if articles.is_empty() || precedes_article(&tokens[at..]) {
                    before.1 = points;
                } else if let Some(article) = articles.last_mut() {
                    article.points = points;
                }
            }
            (Token::ArticleMark, Some(Token::Number(_))) => at += 1,
            (Token::Number(number), _) => {
                let (number, read) = joined(number, &tokens[at + 1..]);
                let (part, points) = std::mem::take(&mut before);
                articles.push(Article { article: number, part, points, form: None });
                at += 1 + read;
            }
            _ => return Err(CitationError::Articles),
        }
    }
    if before.0.is_some() || !before.1.is_empty() { Err(CitationError::Articles) } else { Ok(articles) }
}

/// Whether the tokens after a part or point are the mark of its article, perhaps after another mark.
fn precedes_article(rest: &[Token]) -> bool {
    match rest {
        [Token::ArticleMark, ..] => true,
        [Token::PartMark, Token::Number(_), rest @ ..] => precedes_article(rest),
        _ => false,
    }
}

/// Reads the letters up to the next mark («а, в» or «а» «б»), and returns the number of tokens they take.
fn points(tokens: &[Token]) -> (Vec<String>, usize) {
    let (mut points, mut read, mut at) = (Vec::new(), 0, 0);
    loop {
        match tokens.get(at) {
            Some(Token::Letter(letter)) => {
                points.push(letter.to_string());
                at += 1;
                read = at;
            }
            Some(Token::Separator | Token::PointMark) => at += 1,
            _ => return (points, read),
        }
    }
}

/// Reads «352-1» as Art. 352.1: a bare number joined by a hyphen to a number of one digit.
fn joined(number: &str, rest: &[Token]) -> (String, usize) {
    match rest {
        [Token::Separator, Token::Number(index), ..] if index.len() == 1 && !number.contains('.') => {
            (format!("{number}.{index}"), 2)
        }
        _ => (number.to_owned(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let articles = Article::read_all(text).unwrap_or_else(|_| panic!("{text}"));
        let written: Vec<_> = articles.iter().map(Article::to_string).collect();
        assert_eq!(written, expected, "{text}");
        for (article, written) in articles.iter().zip(&written) {
            assert_eq!(
                Article::read_all(written).as_deref(),
                Ok(std::slice::from_ref(article)),
                "{written} reads back"
            );
        }
    }

    #[test]
    fn any_order_has_one_form() {
        check("ч. 3 ст. 30, ст. 352.1, ч. 3 ст. 338 УК РФ", &["ст. 30 ч. 3, ст. 352.1", "ст. 338 ч. 3"]);
        check("п. «а», «в» ч. 2 ст. 163", &["ст. 163 ч. 2 п. а, в"]);
        check("ст. 337 ч. 2.1", &["ст. 337 ч. 2.1"]);
        check("ст. 205.5 ч. 2 и ст. 208 ч. 2", &["ст. 205.5 ч. 2", "ст. 208 ч. 2"]);
        check("275¹", &["ст. 275.1"]);
        check("ст. 352.1, ч.3 ст.30 ст.352.1", &["ст. 352.1", "ст. 30 ч. 3, ст. 352.1"]);
        check("ч. 1 ст. 30, ст. 275", &["ст. 30 ч. 1, ст. 275"]);
    }

    #[test]
    fn what_is_not_a_list_of_articles_is_refused() {
        for text in
            ["", "УК РФ", "ст.", "ч. 3", "ст. 30 ч. 3", "измена", "ст. 158 ч. 3 ч. 4", "ст. 30, ст. 105", "п. а"]
        {
            assert_eq!(Article::read_all(text), Err(CitationError::Articles), "{text}");
        }
    }

    #[test]
    fn articles_have_the_codes_of_the_vocabulary() {
        let codes = crate::record::schema::Schema::current().vocabulary("charge").expect("the vocabulary exists");
        for term in codes.terms.iter().filter(|term| term.code != "RU-CC-other") {
            let number = term.code.strip_prefix("RU-CC-").expect("codes name the code of law");
            let text = match number.split_once('.') {
                Some((article, part)) if CODED_BY_PART.contains(&article) => format!("ст. {article} ч. {part}"),
                _ => format!("ст. {number}"),
            };
            let article = Article::read_all(&text).expect("one article").remove(0);
            assert_eq!(article.charge_code(), term.code);
            assert_eq!(Article::of_charge_code(&term.code), Some(article));
        }
        for other in ["RU-CC-other", "352.1", "ARG-ORDER"] {
            assert_eq!(Article::of_charge_code(other), None, "{other}");
        }
        let treason = &Article::read_all("ст. 275 ч. 1").expect("one article")[0];
        assert_eq!(treason.charge_code(), "RU-CC-275", "a part of 275 is not Art. 275.1");
    }

    #[test]
    fn an_article_holds_its_parts_and_points_and_not_the_other_way_round() {
        let check = |whole: &str, part: &str, holds: bool| {
            let [whole, part] = [whole, part].map(|text| Article::read_all(text).expect("one article").remove(0));
            assert_eq!((whole.holds(&part), part.holds(&whole)), (holds, false), "{whole} / {part}");
        };
        check("ст. 338", "ст. 338 ч. 3", true);
        check("ст. 158 ч. 3", "ч.3 ст.30, ст. 158 ч. 3 п. а, в", true);
        check("ст. 158 п. в", "ст. 158 ч. 3 п. а, в", true);
        check("ст. 158 ч. 2", "ст. 158 ч. 3", false);
        check("352.1", "352", false);
    }
}
