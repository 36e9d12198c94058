//! The figures for a monitoring system: they tell how a node does, and nothing about its users.

use protocol::app::control::{RecordKind, Reply, Request};
use tests::daemons::{Daemons, Node, fact};

use crate::NODE;

fn figure(node: &Node, name: &str) -> Option<u64> {
    node.figure(name)
}

#[test]
fn the_figures_follow_what_the_node_does() {
    let mut nodes = Daemons::found(NODE, 2);
    let of = |name: &str| figure(&nodes[0], name);
    assert_eq!([of("habeas_peers"), of("habeas_peers_connected"), of("habeas_peers_equal")], [Some(1); 3]);
    assert_eq!(
        (of("habeas_unlocked"), of("habeas_entries"), of("habeas_backup_age_seconds")),
        (Some(1), Some(0), None)
    );
    nodes[0].import_sample();
    let [own, commons] = nodes[0].digests();
    assert_eq!(of("habeas_entries"), Some(own.entries + commons.entries));
    assert_eq!(
        (of("habeas_conflicts"), of("habeas_forks"), of("habeas_wanted")),
        (Some(own.conflicts + commons.conflicts), Some(0), Some(0))
    );
    assert!(of("habeas_store_bytes") > Some(10_000));
    nodes.settle();

    // Two organisations disagree: the figure counts one more conflict, without any request for the record.
    let before = of("habeas_conflicts").expect("unlocked");
    let docket = nodes[0].save(Request::DocketNew {
        facts: vec![fact("docket_source.type", "court_card"), fact("docket_charge.form", "completed")],
    });
    nodes.settle();
    let set = |form: &str| Request::Set { record: docket.to_string(), facts: vec![fact("docket_charge#1.form", form)] };
    nodes[0].done(Request::Hold { organisation: nodes[1].status().call_sign.expect("it has one") });
    nodes[0].save(set("attempt"));
    nodes[1].save(set("preparation"));
    nodes[0].done(Request::Release { organisation: nodes[1].status().call_sign.expect("it has one") });
    nodes.settle();
    nodes.agree();
    assert_eq!(of("habeas_conflicts"), Some(before + 1));

    let to = nodes[0].folder().with_extension("backup").to_str().expect("UTF-8").to_owned();
    nodes[0].done(Request::BackupCreate { to });
    assert!(of("habeas_backup_age_seconds").is_some_and(|age| age < 60));
    nodes[0].done(Request::Lock);
    assert_eq!((of("habeas_unlocked"), of("habeas_conflicts")), (Some(0), None));
    nodes[0].stop();
    nodes[0].start();
    let closed = figure(&nodes[0], "habeas_entries");
    assert_eq!((figure(&nodes[0], "habeas_unlocked"), closed), (Some(0), None), "a closed folder tells its size alone");
    nodes[0].unlock();
    assert!(figure(&nodes[0], "habeas_backup_age_seconds").is_some(), "remembered across a restart");
}

#[test]
fn no_case_no_organisation_and_no_address_is_in_the_figures() {
    let nodes = Daemons::found(NODE, 2);
    nodes[0].import_sample();
    nodes.settle();
    let text = nodes[0].metrics();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let status = nodes[0].status();
    let mut names: Vec<String> = status.listening.clone();
    names.extend(
        status.listening.iter().filter_map(|address| address.rsplit_once(':')).map(|(host, _)| host.to_owned()),
    );
    names.extend(status.organisation.map(|org| org.to_string()).into_iter().chain(status.call_sign));
    names.extend(status.peers.iter().flat_map(|peer| [peer.node.to_string(), peer.call_sign.clone()]));
    names.extend(status.circles.iter().map(|circle| circle.circle.to_string()));
    names.extend(status.registry_words.into_iter().chain(status.registry.map(|registry| registry.to_string())));
    for summary in [nodes[0].list(RecordKind::Case), nodes[0].list(RecordKind::Docket)].concat() {
        names.extend([summary.record.to_string(), summary.pseudonym].into_iter().chain(summary.label));
    }
    assert!(names.len() > 40, "{}", names.len());
    for name in names {
        assert!(!text.contains(&name), "{name}");
    }
    // Labels of all figures, later ones too, are codes and reasons, nothing else.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').expect("closed").0);
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (key, value) = label.split_once('=').expect("a label has a value");
            let value = value.trim_matches('"');
            let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            assert!(["code", "reason"].contains(&key) && plain && value.len() <= 16, "{line}");
        }
    }
    // The request that `habeas metrics` sends returns the same text.
    let Reply::Metrics { text: asked } = nodes[0].done(Request::Metrics) else { panic!("no figures") };
    assert_eq!(
        asked.lines().filter(|line| line.starts_with('#')).count(),
        text.lines().filter(|line| line.starts_with('#')).count()
    );
}
