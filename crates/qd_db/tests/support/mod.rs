//! A database of either kind to break: a `SQLite` file in a folder of its own, or a real `PostgreSQL` server behind a socket of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each test binary uses its own part"
)]

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use qd_db::{Database, NewRecord};
use qd_types::UtcMicros;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tokio::time::Instant;

/// Longest wait for anything: far more than it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

fn own_folder() -> PathBuf {
    static NUM: AtomicU64 = AtomicU64::new(0);
    let folder = std::env::temp_dir().join(format!(
        "qd-db-{}-{}",
        std::process::id(),
        NUM.fetch_add(1, Ordering::Relaxed)
    ));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A `PostgreSQL` server of our own, without a port; ended when dropped.
pub struct PostgresServer {
    folder: PathBuf,
    process: Option<Child>,
}

/// The program of that name: on the path, or where Debian keeps it.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    versions
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from(name))
}

/// `PostgreSQL` does not run as root: there, as the user that its package made.
fn unprivileged(name: &str, folder: &Path) -> Command {
    let is_root =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    if !is_root {
        return Command::new(program(name));
    }
    let chown = Command::new("chown").arg("postgres").arg(folder).status();
    assert!(chown.unwrap().success(), "there is no user postgres");
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(program(name));
    command
}

impl PostgresServer {
    pub async fn start() -> Self {
        let folder = own_folder();
        let made = unprivileged("initdb", &folder)
            .args([
                "--no-sync",
                "--auth=trust",
                "--username=qd",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .arg("--pgdata")
            .arg(folder.join("data"))
            .current_dir(&folder)
            .stdout(Stdio::null())
            .output()
            .expect("postgresql is installed");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut server = Self {
            folder,
            process: None,
        };
        server.run().await;
        server
    }

    /// Starts the process on what it held before, and waits until it answers.
    pub async fn run(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let process = unprivileged("postgres", &self.folder)
            .arg("-D")
            .arg(self.folder.join("data"))
            .arg("-k")
            .arg(&self.folder)
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgresql is installed");
        self.process = Some(process);
        let url = self.url("postgres");
        until("the server answers", async || {
            PgConnection::connect(&url).await.is_ok()
        })
        .await;
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://qd@x/{database}?host={}", self.folder.display())
    }

    /// Ends it at once; what was committed stays.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            Command::new("sh")
                .args(["-c", "kill -QUIT \"$0\"", &process.id().to_string()])
                .status()
                .ok();
            process.wait().ok();
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Where a test's databases come from.
pub struct Rig {
    pub server: Option<PostgresServer>,
    folder: PathBuf,
    num: u32,
}

impl Rig {
    pub fn sqlite() -> Self {
        Self {
            server: None,
            folder: own_folder(),
            num: 0,
        }
    }

    pub async fn postgres() -> Self {
        Self {
            server: Some(PostgresServer::start().await),
            folder: own_folder(),
            num: 0,
        }
    }

    pub fn server(&mut self) -> &mut PostgresServer {
        self.server.as_mut().unwrap()
    }

    /// The address of a database that is empty.
    pub async fn url(&mut self) -> String {
        self.num += 1;
        match &self.server {
            None => format!("sqlite:{}/{}.db", self.folder.display(), self.num),
            Some(server) => {
                let name = format!("db{}", self.num);
                raw(&server.url("postgres"), &format!("CREATE DATABASE {name}"))
                    .await
                    .unwrap();
                server.url(&name)
            }
        }
    }

    /// A database that is empty, and its address.
    pub async fn open(&mut self) -> (Database, String) {
        let url = self.url().await;
        (Database::open(&url).await.unwrap(), url)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Statements as somebody sends them who has the database itself, past our program.
pub async fn raw(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    if url.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await?;
        connection.close().await
    } else {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await?;
        connection.close().await
    }
}

/// The same with the guards taken away first.
pub async fn tamper(url: &str, sql: &str) {
    let guards = if url.starts_with("sqlite:") {
        "DROP TRIGGER IF EXISTS audit_records_no_update; DROP TRIGGER IF EXISTS audit_records_no_delete; \
         DROP TRIGGER IF EXISTS audit_records_no_replace; DROP TRIGGER IF EXISTS audit_heads_no_update; \
         DROP TRIGGER IF EXISTS audit_heads_no_delete; DROP TRIGGER IF EXISTS audit_heads_no_replace;"
    } else {
        "DROP TRIGGER IF EXISTS audit_records_append_only ON audit_records; \
         DROP TRIGGER IF EXISTS audit_heads_append_only ON audit_heads;"
    };
    raw(url, guards).await.unwrap();
    raw(url, sql).await.unwrap();
}

pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs a future and gives it up after `num` polls, as a request that is cancelled would.
pub async fn at_most_polls<F: Future>(num: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        if polls >= num {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// A record that differs from all others by its number.
pub fn event(num: i64) -> NewRecord {
    NewRecord {
        at: UtcMicros(1_000_000 + num),
        event: if num % 2 == 0 { "order" } else { "signin" }.to_owned(),
        actor: Some(if num % 3 == 0 { "alice" } else { "bob" }.to_owned()),
        session: Some("ab12".to_owned()),
        address: Some("127.0.0.1".to_owned()),
        subject: None,
        outcome: "done".to_owned(),
        detail: format!("{{\"num\":{num}}}"),
    }
}

pub fn events(nums: std::ops::Range<i64>) -> Vec<NewRecord> {
    nums.map(event).collect()
}

/// One test per name and kind of database.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::Rig::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::Rig::postgres().await).await;
            })*
        }
    };
}
