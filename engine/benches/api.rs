//! How many answers a second `GET /nodes` gives for a lab of 100 nodes, to one client and to 64, all in this process.
//!
//! Every answer is compared byte by byte with what the store holds. Environment: `BENCH_SECONDS` (per run, 5).

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    time::Duration,
};

use placemat2_engine::store::Store;

#[path = "load/mod.rs"]
mod load;
use load::{Lab, NODES, load};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run())
}

async fn run() -> Outcome<()> {
    let seconds = env::var("BENCH_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5);
    let duration = Duration::from_secs(seconds);
    let lab = Lab::serve()?;

    let mut out = io::stdout().lock();
    writeln!(out, "GET /nodes, {NODES} nodes, {} bytes an answer", lab.nodes.len())?;
    for (name, target, changes) in [
        ("tcp", lab.tcp.clone(), false),
        ("unix", lab.unix.clone(), false),
        ("tcp, store changing 1000 times a second", lab.tcp.clone(), true),
    ] {
        for clients in [1, 64] {
            let changer = changes.then(|| tokio::spawn(change(lab.store.clone())));
            let (right, wrong, elapsed) = load(&target, clients, duration, &lab.nodes).await?;
            if let Some(changer) = changer {
                changer.abort();
            }
            #[allow(clippy::cast_precision_loss)] // counts of answers are far below 2^52
            let rate = right as f64 / elapsed.as_secs_f64();
            writeln!(out, "{name}: {clients} clients: {rate:.0} answers/s, {wrong} wrong")?;
            if wrong > 0 || right == 0 {
                return Err("wrong answers".into());
            }
        }
    }
    lab.end().await
}

/// Changes the store without changing what the nodes look like: every answer must be rendered anew and be the same.
async fn change(store: Store) {
    let mut interval = tokio::time::interval(Duration::from_millis(1));
    loop {
        interval.tick().await;
        store.update(|state| state.lab.pid = state.lab.pid.wrapping_add(1));
    }
}
