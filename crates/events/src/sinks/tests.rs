use stateset_outbox::delivery::{Destination, Position, Registration, RouteVersion};

use super::sequencer::hex;
use super::*;

#[test]
fn the_example_is_read_and_compared() {
    let file: RoutesFile = toml::from_str(EXAMPLE).expect("it parses");
    assert_eq!(file.destinations.len(), 4);
    let wanted = file.destinations[0].registration().expect("a registration");
    assert_eq!(wanted.kind, "webhook");
    let names: Vec<&str> = differences(None, &wanted).iter().map(|one| one.change).collect();
    assert_eq!(names, ["add", "add"]);
    let version = |version, glob: &str, active| RouteVersion {
        name: "orders".into(),
        version,
        type_glob: glob.into(),
        active,
        policy: wanted.routes[0].policy.clone(),
        start: Position::Id(0),
    };
    let known =
        |routes| Destination { id: 1, name: "shop-hook".into(), kind: "webhook".into(), shard_groups: 8, routes };
    assert_eq!(differences(Some(&known(vec![version(1, "order.*", true)])), &wanted), []);
    let changed = differences(Some(&known(vec![version(1, "order.*", true), version(2, "*", true)])), &wanted);
    assert_eq!(changed.iter().map(|one| one.change).collect::<Vec<_>>(), ["change"]);
    let ended =
        differences(Some(&known(vec![version(1, "order.*", true)])), &Registration { routes: vec![], ..wanted });
    assert_eq!(ended.iter().map(|one| one.change).collect::<Vec<_>>(), ["end"]);
}

/// What the example says in comments is understood too.
#[test]
fn the_example_s_other_members_are_read() {
    let kafka = EXAMPLE.split("[[destination]]").find(|part| part.contains("kind = \"kafka\"")).expect("it is there");
    let comments = kafka.lines().filter_map(|line| line.strip_prefix("# "));
    let mut text = "[[destination]]\n".to_owned();
    text.push_str(&kafka.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n"));
    let split = text.find("[[destination.route]]").expect("its route");
    let members: Vec<&str> = comments.filter(|line| !line.starts_with("tls = {}")).collect();
    assert_eq!(members.len(), 4, "{members:?}");
    text.insert_str(split, &format!("{}\n", members.join("\n")));
    toml::from_str::<RoutesFile>(&text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
}

#[test]
fn a_misspelt_member_is_refused() {
    for (text, word) in [
        ("[[destination]]\nname='a'\nkind='mail'\nhots='x'\nroute=[]", "hots"),
        ("[[destination]]\nname='a'\nkind='pigeon'\nroute=[]", "pigeon"),
        ("[[destination]]\nname='a'\nkind='webhook'\nurl='x y'\nsecret_env='S'\nroute=[]", "url"),
        ("[[destination]]\nkind='webhook'\nroute=[]", "name"),
        ("[[destination]]\nname='a'\nkind='kafka'\nbrokers='b:1'\ntls={ca='x'}\nroute=[]", "ca_file"),
        (
            "[[destination]]\nname='a'\nkind='kafka'\nbrokers='b:1'\nsasl={mechanism='GSSAPI',username='u'}\nroute=[]",
            "SCRAM-SHA-512",
        ),
        ("[[destination]]\nname='a'\nkind='kafka'\nbrokers='b:1'\norder_id_mode='int'\nroute=[]", "strict"),
    ] {
        let fault = toml::from_str::<RoutesFile>(text).expect_err(text).to_string();
        assert!(fault.contains(word), "{fault}");
    }
}

#[test]
fn seeds_are_hexadecimal() {
    assert_eq!(hex("0x0aFf"), Some(vec![10, 255]));
    assert_eq!((hex("0"), hex("zz")), (None, None));
}

/// What is wrong with a Kafka destination is said with the fix, and no secret is.
#[cfg(feature = "kafka")]
#[test]
fn kafka_settings_are_checked_when_they_are_used() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("password"), "hunter2\n").expect("written");
    std::fs::write(folder.path().join("empty"), "\n").expect("written");
    let sink = |members: &str| {
        let text = format!(
            "[[destination]]\nname='k'\nkind='kafka'\nbrokers='127.0.0.1:1'\n{members}\n[[destination.route]]\nname='a'\ntypes='*'"
        );
        let path = folder.path().join("routes.toml");
        std::fs::write(&path, text).expect("written");
        RoutesFile::read(&path).expect(members).destinations[0].sink().map(|_| ())
    };
    sink("sasl={mechanism='PLAIN',username='u',password_file='password',clear_text=true}\ndead_letter_suffix='.dlq'")
        .expect("it can be had");
    for (members, word, fix) in [
        ("sasl={mechanism='PLAIN',username='u',password_file='password'}", "PLAIN without TLS", "clear_text"),
        ("sasl={mechanism='PLAIN',username='u'}", "sasl has no password", "password_env"),
        ("sasl={mechanism='PLAIN',username='u',password_file='none'}", "sasl.password_file", "relative"),
        ("sasl={mechanism='PLAIN',username='u',password_file='empty'}", "empty", "write the secret"),
        ("sasl={mechanism='PLAIN',username='u',password_file='a',password_env='B'}", "both given", "keep one"),
        ("sasl={mechanism='PLAIN',username='u',password_env='NO_SUCH_VARIABLE'}", "NO_SUCH_VARIABLE", "set it"),
        ("tls={certificate_file='password'}", "come together", "neither"),
        ("settings={'sasl.password'='hunter2'}", "sasl.password", "sasl"),
        ("settings={'acks'='0'}", "acks", "decided"),
    ] {
        let fault = sink(members).expect_err(members);
        let text = format!("{} {}", fault.message, fault.fix);
        assert!(fault.message.contains(word) && text.contains(fix) && !text.contains("hunter2"), "{members}: {text}");
    }
}
