//! The demonstration's nodes: a process each, with a folder, a log, and the few questions that are put to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use protocol::{
    app::control::{
        Fact, Guest, Imported, Known, Passphrase, Question, Readers, Record, RecordKind, Reply, Request, Scope,
        SharePreview, Status,
    },
    bytes::{
        ids::{OrgId, SectionId},
        words,
    },
};
use tempfile::TempDir;

use super::{all, plan::Disagreement};
use crate::{
    Context,
    client::Client,
    daemon::{Launch, Lives, Node, log_file, status, unexpected},
    error::{Failure, codes},
    files, texts,
};

/// The word in a node's log when it ends a connection that stood.
pub(super) const SEVERED: &str = "severed";

/// Where the other organisations are said to work.
const COUNTRIES: &[&str] =
    &["GE", "LT", "KZ", "AM", "RS", "LV", "EE", "PL", "DE", "FR", "NL", "CZ", "FI", "NO", "MN", "IL"];

/// A temporary folder with all nodes in it.
pub(super) struct Stage {
    folder: TempDir,
    program: PathBuf,
    pub(super) sites: Vec<Site>,
}

/// One node.
pub(super) struct Site {
    node: Node,
    pub(super) data: PathBuf,
    log: PathBuf,
    /// Where the others reach it.
    pub(super) address: String,
    /// Random, for this run.
    passphrase: String,
    root_passphrase: String,
    /// Known once it has keys.
    pub(super) call_sign: String,
    pub(super) organisation: Option<OrgId>,
}

/// How a kept node is talked to.
pub(crate) struct Kept {
    pub(crate) call_sign: String,
    pub(crate) data: PathBuf,
    pub(crate) passphrase_file: PathBuf,
}

/// What a node shows, in one line.
pub(super) struct Digest {
    pub(super) text: String,
    pub(super) entries: u64,
    pub(super) conflicts: u64,
}

impl Stage {
    /// An empty folder that only this person can enter.
    pub(super) fn build(context: &Context<'_>) -> Result<Self, Failure> {
        let temporary = &context.surroundings.temporary;
        let folder = tempfile::Builder::new().prefix("habeas-demo-").tempdir_in(temporary);
        let folder = folder.map_err(|error| Failure::new(codes::UNWRITTEN, texts::unwritten(temporary, &error)))?;
        Ok(Self { folder, program: context.node_program(), sites: Vec::new() })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts so many nodes at once, and waits until each answers.
    pub(super) async fn start(&mut self, count: usize) -> Result<(), Failure> {
        let free = |error| Failure::new(codes::NOT_STARTED, texts::demo::no_port(&error));
        let ports = free_ports(count).map_err(free)?;
        for (nth, port) in (1..).zip(ports) {
            let (data, log) = (self.folder().join(format!("{nth}")), self.folder().join(format!("{nth}.log")));
            let address = format!("{}:{port}", Ipv4Addr::LOCALHOST);
            let launch = Launch {
                program: self.program.clone(),
                data: data.clone(),
                listen: vec![address.clone()],
                allow_names: false,
                log: "info".into(),
                lives: Lives::Apart,
            };
            let node = Node::start(&launch, Some(log_file(&log)?))?;
            let (passphrase, root_passphrase) = (random_words()?, random_words()?);
            let (call_sign, organisation) = (String::new(), None);
            let site = Site { node, data, log, address, passphrase, root_passphrase, call_sign, organisation };
            self.sites.push(site);
        }
        for site in &mut self.sites {
            site.node.ready().await?;
        }
        Ok(())
    }

    /// The last lines of each node's log.
    pub(super) fn last_words(&self) -> Vec<String> {
        let of = |(nth, site): (usize, &Site)| {
            site.node.last_words().into_iter().map(move |line| texts::demo::said_by_node(nth, &line))
        };
        (1..).zip(&self.sites).flat_map(of).collect()
    }

    /// Ends all nodes and removes the folder, unless it is to stay; then it says where it is.
    pub(super) async fn strike(self, keep_folder: bool) -> Option<PathBuf> {
        all(self.sites.into_iter().map(|site| site.node.stop())).await;
        // Otherwise the drop of the folder removes it.
        keep_folder.then(|| self.folder.keep())
    }

    /// Leaves everything running, with the passphrases beside the folders.
    pub(super) fn leave(self) -> Result<Vec<Kept>, Failure> {
        let mut kept = Vec::new();
        for site in &self.sites {
            let passphrase_file = site.data.with_extension("passphrase");
            files::write_new(&passphrase_file, &format!("{}\n", site.passphrase))?;
            kept.push(Kept { call_sign: site.call_sign.clone(), data: site.data.clone(), passphrase_file });
        }
        self.sites.into_iter().for_each(|site| site.node.leave());
        let _ = self.folder.keep();
        Ok(kept)
    }
}

impl Site {
    fn client(&self) -> &Client {
        &self.node.client
    }

    /// Makes keys; those of an organisation too, if it begins one.
    pub(super) async fn init(&mut self, organisation: bool) -> Result<(), Failure> {
        let request = Request::Init {
            passphrase: Passphrase::new(self.passphrase.clone()),
            root_passphrase: organisation.then(|| self.root_passphrase()),
            demo: true,
        };
        self.client().ask(&request).await?;
        self.meet_itself().await?;
        Ok(())
    }

    pub(super) fn root_passphrase(&self) -> Passphrase {
        Passphrase::new(self.root_passphrase.clone())
    }

    /// The text of the file that the request answers with.
    pub(super) async fn file(&self, request: &Request) -> Result<String, Failure> {
        match self.client().ask(request).await? {
            Reply::File { text, .. } => Ok(text),
            other => Err(unexpected(&other)),
        }
    }

    /// Founds a registry of its own, and answers with its words.
    pub(super) async fn found_alone(&mut self) -> Result<String, Failure> {
        self.client().ask(&Request::FoundAlone { root_passphrase: self.root_passphrase() }).await?;
        Ok(self.meet_itself().await?.registry_words.unwrap_or_default())
    }

    /// Joins, and answers with the words of the registry.
    pub(super) async fn join(&mut self, registry: &str) -> Result<String, Failure> {
        self.client().ask(&Request::Join { registry: registry.to_owned() }).await?;
        Ok(self.meet_itself().await?.registry_words.unwrap_or_default())
    }

    /// Whether it has a connection to another one.
    pub(super) async fn meets(&self, other: &Self) -> Result<bool, Failure> {
        let status = status(self.client()).await?;
        let other = crate::daemon::status(other.client()).await?.node;
        Ok(status.peers.iter().any(|peer| Some(peer.node) == other && peer.connected))
    }

    pub(super) async fn import(&self, file: String) -> Result<Vec<Imported>, Failure> {
        match self.client().ask(&Request::Import { file, dry_run: false, known: Known::Refuse }).await? {
            Reply::Imported { records, .. } => Ok(records),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn list(&self, kind: RecordKind) -> Result<BTreeSet<SectionId>, Failure> {
        match self.client().ask(&Request::List { kind }).await? {
            Reply::Records { records } => Ok(records.iter().map(|record| record.record).collect()),
            other => Err(unexpected(&other)),
        }
    }

    /// How many dockets are about an article, and how many there are.
    pub(super) async fn ask(&self, article: &str) -> Result<(usize, u64), Failure> {
        let question = Question { article: Some(article.to_owned()), ..Question::default() };
        match self.client().ask(&Request::Ask { question }).await? {
            Reply::Precedents { found, asked, .. } => Ok((found.len(), asked)),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn record(&self, record: &SectionId) -> Result<Record, Failure> {
        match self.client().ask(&Request::Show { record: record.to_string() }).await? {
            Reply::Record(record) => Ok(*record),
            other => Err(unexpected(&other)),
        }
    }

    /// Over all that it shows in these circles: the digests one after the other, the counts added up.
    pub(super) async fn digest(&self, scopes: &[Scope]) -> Result<Digest, Failure> {
        let mut sum = Digest { text: String::new(), entries: 0, conflicts: 0 };
        for scope in scopes {
            match self.client().ask(&Request::Digest { circle: *scope }).await? {
                Reply::Digest { digest, entries, conflicts, .. } => {
                    sum.text.push_str(&digest);
                    sum.entries += entries;
                    sum.conflicts += conflicts;
                }
                other => return Err(unexpected(&other)),
            }
        }
        Ok(sum)
    }

    /// States the first or second of the two values.
    pub(super) async fn correct(&self, disputed: &Disagreement, which: usize) -> Result<(), Failure> {
        let fact = Fact {
            field: disputed.field.clone(),
            value: disputed.values[which].clone(),
            entity: Some(disputed.places[which].entity),
            source: disputed.places[which].source,
            grade: disputed.grade.clone(),
        };
        let record = disputed.places[which].record.to_string();
        self.client().ask(&Request::Set { record, facts: vec![fact] }).await?;
        Ok(())
    }

    /// What it shows of the disputed field, on one of the two sides.
    pub(super) async fn values(&self, disputed: &Disagreement, which: usize) -> Result<BTreeSet<String>, Failure> {
        Ok(disputed.said_in(&self.record(&disputed.places[which].record).await?))
    }

    /// Shares all its case files with these organisations, as far as consent goes, without a hold. Answers with what
    /// the preview said.
    pub(super) async fn share(&self, with: &[Self]) -> Result<SharePreview, Failure> {
        let guest =
            |(site, country): (&Self, &&str)| Guest { organisation: site.name(), country: Some((*country).to_owned()) };
        let with = Readers::Organisations(with.iter().zip(COUNTRIES).map(guest).collect());
        let preview = match self.client().ask(&Request::SharePreview { records: vec![], with: with.clone() }).await? {
            Reply::SharePreview(preview) => preview,
            other => return Err(unexpected(&other)),
        };
        let request = Request::Share { records: vec![], with, seen: preview.seen.clone(), hold_s: 0 };
        self.client().ask(&request).await?;
        Ok(preview)
    }

    /// Whether nothing waits to be shared any more.
    pub(super) async fn has_shared(&self) -> Result<bool, Failure> {
        match self.client().ask(&Request::Shares).await? {
            Reply::Shares { shares } => Ok(shares.is_empty()),
            other => Err(unexpected(&other)),
        }
    }

    /// What its shared case files are called where they are read.
    pub(super) async fn parts(&self) -> Result<BTreeMap<SectionId, SectionId>, Failure> {
        match self.client().ask(&Request::List { kind: RecordKind::Case }).await? {
            Reply::Records { records } => {
                Ok(records.iter().filter_map(|record| Some((record.record, *record.parts.first()?))).collect())
            }
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn hold(&self, other: &Self) -> Result<(), Failure> {
        self.client().ask(&Request::Hold { organisation: other.name() }).await?;
        Ok(())
    }

    pub(super) async fn release(&self, other: &Self) -> Result<(), Failure> {
        self.client().ask(&Request::Release { organisation: other.name() }).await?;
        Ok(())
    }

    /// Whether a line of its log has the word.
    pub(super) fn log_says(&self, word: &str) -> bool {
        fs::read(&self.log).is_ok_and(|log| String::from_utf8_lossy(&log).contains(word))
    }

    fn name(&self) -> String {
        self.organisation.map_or_else(|| self.call_sign.clone(), |organisation| organisation.to_string())
    }

    async fn meet_itself(&mut self) -> Result<Status, Failure> {
        let status = status(self.client()).await?;
        self.call_sign = status.call_sign.clone().unwrap_or_default();
        self.organisation = status.organisation;
        if let Some(address) = status.listening.first() {
            self.address.clone_from(address);
        }
        Ok(status)
    }
}

/// Ports that nobody uses; all different, because all are held until the last is found.
fn free_ports(count: usize) -> std::io::Result<Vec<u16>> {
    let held = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<Vec<_>, _>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

fn random_words() -> Result<String, Failure> {
    let mut random = [0; 32];
    let none = |error: getrandom::Error| Failure::new(codes::NOT_STARTED, error.to_string());
    getrandom::fill(&mut random).map_err(none)?;
    Ok(words::fingerprint(&random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_port_and_passphrases_of_its_own() {
        let ports: BTreeSet<_> = free_ports(16).expect("there are free ports").into_iter().collect();
        assert_eq!(ports.len(), 16);
        let [one, other] = [random_words(), random_words()].map(|words| words.expect("the system has entropy"));
        assert!(one != other && one.split(' ').count() == 6);
    }
}
