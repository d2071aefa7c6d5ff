//! `parlor dev`: one command, a cluster of its own, and no message lost by a crash.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use parlor_e2e::{DevServer, parlor};
use serde_json::json;

/// A data directory that the account of PostgreSQL may enter, gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("parlor-dev-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn refuses(folder: &Folder, listen: &str, part: &str) {
    let data = folder.path().display().to_string();
    let arguments = ["dev", "--data", &data, "--listen", listen, "--hub-listen", "127.0.0.1:0"];
    let said = parlor(&arguments, &[]).await.unwrap_err();
    assert!(said.contains(part), "{part:?} is missing in: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_says_why_it_does_not_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses(&Folder::new(), &address, &format!("cannot listen on {address} (--listen)")).await;
    refuses(&Folder::new(), "0.0.0.0:0", "loopback").await;

    let other_version = Folder::new();
    std::fs::create_dir(other_version.path().join("pg")).unwrap();
    std::fs::write(other_version.path().join("pg/PG_VERSION"), "9\n").unwrap();
    refuses(&other_version, "127.0.0.1:0", "no secrets.toml").await;
    let secrets = "database_password = \"x\"\nmaster_key = \"x\"\ntoken_secret = \"x\"\n";
    std::fs::write(other_version.path().join("secrets.toml"), secrets).unwrap();
    refuses(&other_version, "127.0.0.1:0", "belongs to PostgreSQL 9").await;
    std::fs::write(other_version.path().join("secrets.toml"), "not toml").unwrap();
    refuses(&other_version, "127.0.0.1:0", "secrets.toml is damaged").await;

    let file = Folder::new();
    std::fs::write(file.path().join("pg"), "").unwrap();
    refuses(&file, "127.0.0.1:0", "no secrets.toml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_leaves_no_cluster_running_when_it_cannot_go_on() {
    let folder = Folder::new();
    // Where a file is to be written after the cluster was started.
    std::fs::create_dir(folder.path().join("parlor.toml")).unwrap();
    refuses(&folder, "127.0.0.1:0", "cannot write").await;
    assert!(folder.path().join("pg/PG_VERSION").exists(), "there was a cluster");
    assert!(!folder.path().join("pg/postmaster.pid").exists(), "and it is stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_survives_a_kill_and_keeps_what_was_said() {
    let folder = Folder::new();
    let mut dev = DevServer::start(folder.path()).await;
    let people = dev.client(None).at_root("/dev/users").await.gives(200);
    assert_eq!(people["users"].as_array().unwrap().len(), 4);
    let ann = dev.person("ann").await;
    let channels = ann.get("/channels").await.gives(200);
    let general = channels["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|channel| channel["cid"] == "team:general")
        .unwrap();
    let channel = general["id"].as_str().unwrap().to_owned();
    let history =
        ann.get(&format!("/channels/{channel}/messages")).await.gives(200)["items"].as_array().unwrap().len();

    refuses(&folder, "127.0.0.1:0", "another parlor uses the data directory").await;

    ann.say(&channel, "before the crash").await;
    for round in 0..2 {
        dev.kill_and_restart().await;
        let ann = dev.person("ann").await;
        let page = ann.get(&format!("/channels/{channel}/messages")).await.gives(200);
        let texts: Vec<&str> =
            page["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect();
        assert_eq!(
            (texts.len(), texts[texts.len() - 1 - round]),
            (history + 1 + round, "before the crash"),
            "{texts:?}"
        );
        ann.say(&channel, "after it").await;
    }
    let app = dev.person("ben").await;
    assert_eq!(app.post("/channels", json!({ "type": "team" })).await.status, 201);
    dev.stop().await;
    assert!(!folder.path().join("pg/postmaster.pid").exists(), "the cluster is stopped with the server");
}
