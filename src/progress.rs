//! A progress bar on standard error, for people who wait.
//!
//! Appears only on a terminal and after a second; never tells anything that a
//! result depends on.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Counts bytes, and shows them when that takes long.
pub struct Progress {
    started: Option<Instant>,
    total: u64,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    /// For `total` bytes; shows nothing unless `wanted`.
    pub fn new(total: u64, wanted: bool) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "measures how long a person has waited"
        )]
        let started = wanted.then(Instant::now);
        Self {
            started,
            total,
            bar: OnceLock::new(),
        }
    }

    /// More bytes were read.
    pub fn add(&self, bytes: u64) {
        let Some(started) = self.started else { return };
        if started.elapsed() < Duration::from_secs(1) {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let bar = ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "{bar:30} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
            );
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar
        });
        bar.inc(bytes);
    }

    /// The result comes: the bar goes.
    pub fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
