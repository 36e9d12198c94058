//! The rules on names: where each may be used. A rule is a row; planted violations of it are tested automatically.

use super::{
    Violation,
    source::{Name, Source, read_all},
};

/// A rule: names that must not be used within some folders, except in some files.
pub(super) struct Rule {
    promise: &'static str,
    /// The path prefixes within which the rule holds.
    within: &'static [&'static str],
    /// The path prefixes that the rule leaves free.
    except: &'static [&'static str],
    /// The names: paths, matched on whole segments anywhere in a longer path; `x*` is any segment that starts with x.
    names: &'static [&'static str],
    /// Whether the rule holds for test code too.
    tests_too: bool,
}

const PROTOCOL: &[&str] = &["protocol/src/", "protocol/texts/src/"];
const PRODUCT: &[&str] = &["protocol/src/", "protocol/texts/src/", "node/src/", "cli/src/"];
const EVERYTHING: &[&str] = &["protocol/", "node/", "cli/", "tests/"];
const PROGRAMS: &[&str] = &["node/src/main.rs", "cli/src/main.rs"];
const PRINTERS: &[&str] = &["node/src/main.rs", "node/src/telemetry.rs", "cli/src/main.rs", "cli/src/render.rs"];

pub(super) const PROTOCOL_IS_PURE: &[Rule] = &[
    Rule {
        promise: "protocol does no I/O of its own and starts no threads",
        within: PROTOCOL,
        except: &[],
        names: &["std::fs", "std::net", "std::thread", "std::process", "std::os"],
        tests_too: false,
    },
    Rule {
        promise: "protocol reads no clock: time arrives with the input",
        within: PROTOCOL,
        except: &[],
        names: &["*::now", "TimeZone::system"],
        tests_too: false,
    },
    Rule {
        promise: "protocol has no source of chance: entropy arrives with the input",
        within: PROTOCOL,
        except: &[],
        names: &[
            "thread_rng",
            "ThreadRng",
            "OsRng",
            "SysRng",
            "getrandom*",
            "from_os_rng",
            "try_from_os_rng",
            "from_entropy",
            "rand::rng",
            "rand::random*",
        ],
        tests_too: false,
    },
    Rule {
        promise: "protocol replays from a seed: a hash map's order and its hasher's keys are chance; use BTreeMap",
        within: PROTOCOL,
        except: &[],
        names: &["HashMap", "HashSet", "hash_map", "hash_set", "RandomState"],
        tests_too: false,
    },
];

pub(super) const ONE_PLACE: &[Rule] = &[
    Rule {
        promise: "only protocol/src/record/section/document.rs names automerge",
        within: PRODUCT,
        except: &["protocol/src/record/section/document.rs"],
        names: &["automerge*"],
        tests_too: true,
    },
    // Measured on automerge 0.12: of the altered bytes of a change, one in twenty makes its decoder panic.
    Rule {
        promise: "no byte reaches a decoder of Automerge: documents are made from our own statements, never read",
        within: &["protocol/src/record/section/"],
        except: &["protocol/src/record/section/assertion.rs"],
        names: &[
            "load*",
            "rescue",
            "from_bytes",
            "from_raw_bytes",
            "decode*",
            "import*",
            "receive*",
            "hydrate*",
            "Change::try_from",
            "automerge::sync",
            "AutoCommit*",
            "ExpandedChange",
            "LoadOptions",
            "Bundle*",
        ],
        tests_too: true,
    },
    Rule {
        promise: "only node/src/store names rocksdb",
        within: PRODUCT,
        except: &["node/src/store.rs", "node/src/store/"],
        names: &["rocksdb*", "librocksdb_sys"],
        tests_too: true,
    },
    Rule {
        promise: "host names are looked up in node/src/net/names.rs alone, where a person allowed it",
        within: PRODUCT,
        except: &["node/src/net/names.rs"],
        names: &["ToSocketAddrs", "to_socket_addrs", "lookup_host"],
        tests_too: false,
    },
    Rule {
        promise: "only node/src/net names libp2p",
        within: PRODUCT,
        except: &["node/src/net.rs", "node/src/net/"],
        names: &["libp2p*"],
        tests_too: true,
    },
    Rule {
        promise: "only node/src/index names tantivy",
        within: PRODUCT,
        except: &["node/src/index.rs", "node/src/index/"],
        names: &["tantivy*"],
        tests_too: true,
    },
    Rule {
        promise: "texts are read and looked up in protocol/texts alone",
        within: &["protocol/src/", "node/src/", "cli/src/"],
        except: &[],
        names: &["fluent_bundle", "fluent_syntax"],
        tests_too: true,
    },
    Rule {
        promise: "CBOR is written and read in protocol/src/bytes/codec.rs alone",
        within: PRODUCT,
        except: &["protocol/src/bytes/codec.rs"],
        names: &["serde_ipld_dagcbor", "cbor4ii*"],
        tests_too: false,
    },
    Rule {
        promise: "signatures are made and checked in protocol/src/bytes/cose.rs alone",
        within: PRODUCT,
        except: &["protocol/src/bytes/cose.rs"],
        names: &["ed25519_dalek", "verify_strict"],
        tests_too: false,
    },
];

/// The rules on decisions that are made once, and on reading a clock.
pub(super) const DECIDED_ONCE: &[Rule] = &[
    Rule {
        promise: "what may go to whom is decided by protocol::app::workspace: node and cli do not use the rules of sharing",
        within: &["node/src/", "cli/src/"],
        except: &[],
        names: &["protocol::sharing", "share::preview", "share::restate", "share::recall"],
        tests_too: false,
    },
    Rule {
        promise: "a node's calendar clock is read by the runtime, and by api for the waits between passphrases",
        within: &["node/src/"],
        except: &["node/src/runtime.rs", "node/src/api.rs"],
        names: &["SystemTime::now", "Timestamp::now", "Zoned::now"],
        tests_too: false,
    },
    Rule {
        promise: "a node's monotonic clock is read where something has a time limit: runtime, net, api, telemetry",
        within: &["node/src/"],
        except: &[
            "node/src/runtime/joined.rs",
            "node/src/runtime/joined/",
            "node/src/net/",
            "node/src/api/",
            "node/src/telemetry/",
        ],
        names: &["Instant::now"],
        tests_too: false,
    },
];

pub(super) const LIBRARIES_ARE_QUIET: &[Rule] = &[
    Rule {
        promise: "library code does not print (cli/src/render.rs does)",
        within: PRODUCT,
        except: PRINTERS,
        names: &["print!", "println!", "eprint!", "eprintln!", "dbg!", "io::stdout", "io::stderr"],
        tests_too: false,
    },
    Rule {
        promise: "library code does not end the process",
        within: PRODUCT,
        except: PROGRAMS,
        names: &["process::exit", "process::abort"],
        tests_too: false,
    },
    Rule {
        promise: "library code does not read the environment: a program's main hands it over",
        within: PRODUCT,
        except: PROGRAMS,
        names: &["std::env", "env::var*", "env::args*"],
        tests_too: false,
    },
];

pub(super) const NOWHERE: &[Rule] = &[
    Rule { promise: "no unsafe code", within: EVERYTHING, except: &[], names: &["unsafe"], tests_too: true },
    Rule {
        promise: "verify_batch accepts what verify_strict refuses (a package that nothing links measures it)",
        within: EVERYTHING,
        except: &["tests/benches/peers/"],
        names: &["verify_batch"],
        tests_too: true,
    },
    Rule {
        promise: "every queue is bounded (std's channel is not: use tokio's mpsc::channel, it has blocking_send)",
        within: PRODUCT,
        except: &[],
        names: &["unbounded*", "UnboundedSender", "UnboundedReceiver*", "std::sync::mpsc"],
        tests_too: false,
    },
];

impl Rule {
    /// The places where `sources` break the rule.
    pub(super) fn broken_in(&self, sources: &[Source]) -> Vec<Violation> {
        let binds = |path: &str| {
            let starts = |prefix: &&str| path.starts_with(*prefix);
            self.within.iter().any(starts) && !self.except.iter().any(starts)
        };
        let broken = |source: &Source, name: &Name| {
            let speaks = self.names.iter().any(|pattern| matches(pattern, &name.segments));
            (speaks && (self.tests_too || !name.in_test)).then(|| Violation {
                file: source.path.clone(),
                line: name.line,
                found: name.segments.join("::"),
                rule: self.promise.to_owned(),
            })
        };
        sources
            .iter()
            .filter(|source| binds(&source.path))
            .flat_map(|source| source.names.iter().filter_map(|name| broken(source, name)))
            .collect()
    }
}

fn matches(pattern: &str, segments: &[String]) -> bool {
    let wanted: Vec<&str> = pattern.split("::").collect();
    let fits = |wanted: &str, found: &str| match wanted.strip_suffix('*') {
        Some(start) => found.starts_with(start),
        None => found == wanted,
    };
    segments.windows(wanted.len()).any(|window| window.iter().zip(&wanted).all(|(found, wanted)| fits(wanted, found)))
}

fn all() -> impl Iterator<Item = &'static Rule> {
    [PROTOCOL_IS_PURE, ONE_PLACE, DECIDED_ONCE, LIBRARIES_ARE_QUIET, NOWHERE].into_iter().flatten()
}

/// The names of a rule, each as somebody would write it.
fn spoken(rule: &Rule) -> impl Iterator<Item = String> {
    rule.names.iter().map(|pattern| match pattern.strip_prefix('*') {
        Some(rest) => format!("Clock{rest}"),
        None => pattern.replace('*', "_more"),
    })
}

fn planted(rule: &Rule, path: &str, text: &str) -> Vec<Violation> {
    rule.broken_in(&read_all(&[(path.to_owned(), text.to_owned())]))
}

#[test]
fn every_name_of_every_rule_is_found_in_every_folder_it_binds() {
    for rule in all() {
        for name in spoken(rule) {
            for folder in rule.within {
                let path = format!("{folder}planted.rs");
                let mut texts = vec![format!("//! Head.\nfn f() {{ {name}(); }}")];
                if !name.ends_with('!') {
                    texts.push(format!("//! Head.\npub use {name};"));
                    texts.push(format!("//! Head.\nuse {{a::b, {name}}};"));
                }
                if let Some((start, end)) = name.rsplit_once("::") {
                    texts.push(format!("//! Head.\nuse {start}::{{self as x, {end} as y}};"));
                }
                for text in texts {
                    let found = planted(rule, &path, &text);
                    assert_eq!(
                        found.first().map(|violation| (violation.line, &violation.file)),
                        Some((2, &path)),
                        "{text}"
                    );
                    assert!(found[0].to_string().ends_with(rule.promise));
                }
            }
        }
    }
}

#[test]
fn no_rule_takes_offence_at_a_comment_a_literal_or_a_longer_word() {
    for rule in all() {
        for name in spoken(rule) {
            let text =
                format!("//! {name}\n/* {name} */ /// {name}\nfn f() {{ x(\"{name}\", r#\"{name}\"#); _x{name}(); }}");
            let path = format!("{}planted.rs", rule.within[0]);
            let text = if name.contains("::") { text.replace(&format!("_x{name}();"), "") } else { text };
            assert_eq!(planted(rule, &path, &text), [], "{text}");
        }
    }
}

#[test]
fn each_rule_leaves_its_own_places_free_and_knows_whether_it_binds_tests() {
    for rule in all() {
        let name = spoken(rule).next().expect("a rule has names");
        for place in rule.except {
            let path = if place.ends_with('/') { format!("{place}planted.rs") } else { (*place).to_owned() };
            assert_eq!(planted(rule, &path, &format!("{name}();")), []);
        }
        let in_test = format!("#[cfg(test)] mod tests {{ fn f() {{ {name}(); }} }}");
        let found = planted(rule, &format!("{}planted.rs", rule.within[0]), &in_test);
        assert_eq!(!found.is_empty(), rule.tests_too, "{in_test}");
    }
}
