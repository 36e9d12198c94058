//! The nodes of the demonstration: each a process with a folder and a log, and the requests that it is sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use protocol::{
    app::control::{
        Fact, Guest, Imported, Known, Page, Passphrase, Question, Readers, Record, RecordKind, Reply, Request, Scope,
        SharePreview, Status, Summary,
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

/// The word in a node's log that reports the end of an open connection.
pub(super) const SEVERED: &str = "severed";

/// The countries that the other organisations are said to work in.
const COUNTRIES: &[&str] =
    &["GE", "LT", "KZ", "AM", "RS", "LV", "EE", "PL", "DE", "FR", "NL", "CZ", "FI", "NO", "MN", "IL"];

/// The stage: a temporary folder with all nodes in it.
pub(super) struct Stage {
    folder: TempDir,
    program: PathBuf,
    pub(super) sites: Vec<Site>,
}

/// A site: one node and its folder.
pub(super) struct Site {
    node: Node,
    pub(super) data: PathBuf,
    log: PathBuf,
    /// The address at which other nodes reach this one.
    pub(super) address: String,
    /// The passphrase, random for each run.
    passphrase: String,
    root_passphrase: String,
    /// The call-sign; empty until the node has keys.
    pub(super) call_sign: String,
    pub(super) organisation: Option<OrgId>,
}

/// A node that is kept running: what a person needs to ask it.
pub(crate) struct Kept {
    pub(crate) call_sign: String,
    pub(crate) data: PathBuf,
    pub(crate) passphrase_file: PathBuf,
}

/// The digest of what a node shows, in one line.
pub(super) struct Digest {
    pub(super) text: String,
    pub(super) entries: u64,
    pub(super) conflicts: u64,
}

impl Stage {
    /// Builds an empty folder that only this user can enter.
    pub(super) fn build(context: &Context<'_>) -> Result<Self, Failure> {
        let temporary = &context.surroundings.temporary;
        let folder = tempfile::Builder::new().prefix("habeas-demo-").tempdir_in(temporary);
        let folder = folder.map_err(|error| Failure::new(codes::UNWRITTEN, texts::unwritten(temporary, &error)))?;
        Ok(Self { folder, program: context.node_program(), sites: Vec::new() })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts `count` nodes at once, and waits until each answers.
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

    /// Stops all nodes and removes the folder, unless it is to be kept; then returns its path.
    pub(super) async fn strike(self, keep_folder: bool) -> Option<PathBuf> {
        all(self.sites.into_iter().map(|site| site.node.stop())).await;
        // Without `keep_folder` the folder is removed when its handle is dropped.
        keep_folder.then(|| self.folder.keep())
    }

    /// Leaves all nodes running, with their passphrases in files beside the folders.
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

    /// Initialises the node with keys, including those of a new organisation if `organisation` is set.
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

    /// The text of the file in the reply to a request.
    pub(super) async fn file(&self, request: &Request) -> Result<String, Failure> {
        match self.client().ask(request).await? {
            Reply::File { text, .. } => Ok(text),
            other => Err(unexpected(&other)),
        }
    }

    /// Founds a registry with this organisation alone, and returns its words.
    pub(super) async fn found_alone(&mut self) -> Result<String, Failure> {
        self.client().ask(&Request::FoundAlone { root_passphrase: self.root_passphrase() }).await?;
        Ok(self.meet_itself().await?.registry_words.unwrap_or_default())
    }

    /// Joins a registry, and returns its words.
    pub(super) async fn join(&mut self, registry: &str) -> Result<String, Failure> {
        self.client().ask(&Request::Join { registry: registry.to_owned() }).await?;
        Ok(self.meet_itself().await?.registry_words.unwrap_or_default())
    }

    /// Whether this node is connected to another one.
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

    /// All records of a kind.
    async fn records(&self, kind: RecordKind) -> Result<Vec<Summary>, Failure> {
        let (mut whole, mut page) = (Vec::new(), Page::default());
        loop {
            match self.client().ask(&Request::List { kind, stage: None, page }).await? {
                Reply::Records { records, next, .. } => {
                    whole.extend(records);
                    page.after = next;
                }
                other => return Err(unexpected(&other)),
            }
            if page.after.is_none() {
                return Ok(whole);
            }
        }
    }

    pub(super) async fn list(&self, kind: RecordKind) -> Result<BTreeSet<SectionId>, Failure> {
        Ok(self.records(kind).await?.iter().map(|record| record.record).collect())
    }

    /// Asks how many dockets are about an article, and how many dockets there are.
    pub(super) async fn ask(&self, article: &str) -> Result<(u64, u64), Failure> {
        let question = Question { article: Some(article.to_owned()), ..Question::default() };
        match self.client().ask(&Request::Ask { question, page: Page::default() }).await? {
            Reply::Precedents { found, all, asked, .. } => Ok((all.unwrap_or(found.len() as u64), asked)),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn record(&self, record: &SectionId) -> Result<Record, Failure> {
        match self.client().ask(&Request::Show { record: record.to_string() }).await? {
            Reply::Record(record) => Ok(*record),
            other => Err(unexpected(&other)),
        }
    }

    /// The digest of everything shown in these circles: the digests concatenated, the counts added.
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

    /// Corrects the disputed field to the first or second of the two values.
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

    /// The values of the disputed field that this node shows, with the ids of one of the two sides.
    pub(super) async fn values(&self, disputed: &Disagreement, which: usize) -> Result<BTreeSet<String>, Failure> {
        Ok(disputed.said_in(&self.record(&disputed.places[which].record).await?))
    }

    /// Shares all case files of this node with these organisations, as far as consent allows, without a hold. Returns
    /// the preview.
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

    /// Whether no share waits any more.
    pub(super) async fn has_shared(&self) -> Result<bool, Failure> {
        match self.client().ask(&Request::Shares).await? {
            Reply::Shares { shares } => Ok(shares.is_empty()),
            other => Err(unexpected(&other)),
        }
    }

    /// The ids that the shared case files of this node have at their readers.
    pub(super) async fn parts(&self) -> Result<BTreeMap<SectionId, SectionId>, Failure> {
        let records = self.records(RecordKind::Case).await?;
        Ok(records.iter().filter_map(|record| Some((record.record, *record.parts.first()?))).collect())
    }

    pub(super) async fn hold(&self, other: &Self) -> Result<(), Failure> {
        self.client().ask(&Request::Hold { organisation: other.name() }).await?;
        Ok(())
    }

    pub(super) async fn release(&self, other: &Self) -> Result<(), Failure> {
        self.client().ask(&Request::Release { organisation: other.name() }).await?;
        Ok(())
    }

    /// Whether a line of the node's log has the word.
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

/// Finds free ports. They are all different, because each is held until the last is found.
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
