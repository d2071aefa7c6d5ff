//! `centrifuge-js` over WebSocket, HTTP streaming and SSE: the scenarios of `tests/conformance`, in Node.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use parlor_e2e::{Mode, Server};
use tokio::process::Command;
use tokio::sync::OnceCell;

super::on_both! { centrifuge_js_works_unchanged }

async fn centrifuge_js_works_unchanged(mode: Mode) {
    let folder = installed().await;
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let output = Command::new("node")
        .args(["--test", "--test-reporter=tap"])
        .current_dir(folder)
        .env("PARLOR_URL", &server.url)
        .env("PARLOR_APP_SECRET", &app.secret)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        told.lines().any(|line| line.starts_with("# pass ") && line != "# pass 0"),
        "no test ran: {told}"
    );
}

/// The folder, with what its lock file pins.
async fn installed() -> PathBuf {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance");
    INSTALLED
        .get_or_init(async || {
            if !folder.join("node_modules/.package-lock.json").exists() {
                let output = Command::new("npm").arg("ci").current_dir(&folder).output().await.unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
        })
        .await;
    folder
}
