//! The table of figures.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use crate::kernel::Result;

/// A figure beside its target.
pub struct Row {
    what: String,
    value: String,
    against: String,
    ratio: String,
    target: String,
    met: bool,
}

impl Row {
    /// A time with a limit.
    pub fn below(what: &str, time: Duration, limit: Duration) -> Self {
        Self {
            what: what.into(),
            value: milliseconds(time),
            against: String::new(),
            ratio: String::new(),
            target: format!("≤ {}", milliseconds(limit)),
            met: time <= limit,
        }
    }

    /// A time that may be so many times another.
    pub fn against(what: &str, ours: Duration, reference: &str, theirs: Duration, limit: f64) -> Self {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        Self {
            what: what.into(),
            value: milliseconds(ours),
            against: format!("{reference}: {}", milliseconds(theirs)),
            ratio: format!("{ratio:.2}"),
            target: format!("ratio ≤ {limit}"),
            met: ratio <= limit,
        }
    }

    /// A time that another must be so many times as long as.
    pub fn sooner(what: &str, ours: Duration, reference: &str, theirs: Duration, least: f64) -> Self {
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        Self {
            what: what.into(),
            value: milliseconds(ours),
            against: format!("{reference}: {}", milliseconds(theirs)),
            ratio: format!("{ratio:.1} times sooner"),
            target: format!("ratio ≥ {least}"),
            met: ratio >= least,
        }
    }

    /// A size with a limit in MiB.
    pub fn size(what: &str, kibibytes: u32, limit: u32) -> Self {
        let mebibytes = f64::from(kibibytes) / 1024.0;
        Self {
            what: what.into(),
            value: format!("{mebibytes:.1} MiB"),
            against: String::new(),
            ratio: String::new(),
            target: format!("≤ {limit} MiB"),
            met: mebibytes <= f64::from(limit),
        }
    }

    /// A size with a limit in KiB.
    pub fn small_size(what: &str, kibibytes: u32, limit: u32) -> Self {
        Self {
            what: what.into(),
            value: format!("{kibibytes} KiB"),
            against: String::new(),
            ratio: String::new(),
            target: format!("≤ {limit} KiB"),
            met: kibibytes <= limit,
        }
    }

    /// A share of one CPU with a limit, both in percent.
    pub fn share(what: &str, percent: f64, limit: f64) -> Self {
        Self {
            what: what.into(),
            value: format!("{percent:.4} %"),
            against: String::new(),
            ratio: String::new(),
            target: format!("≤ {limit} %"),
            met: percent <= limit,
        }
    }

    /// Answers a second, of which none may be wrong.
    pub fn rate(what: &str, rate: f64, wrong: u64, least: f64) -> Self {
        Self {
            what: what.into(),
            value: format!("{rate:.0} a second, {wrong} wrong"),
            against: String::new(),
            ratio: String::new(),
            target: format!("≥ {least} a second, 0 wrong"),
            met: rate >= least && wrong == 0,
        }
    }
}

/// The table, written row by row.
pub struct Table {
    missed: usize,
}

impl Table {
    pub fn new() -> Self {
        Self { missed: 0 }
    }

    /// Writes a row, and before the first one the heads of the columns.
    pub fn row(&mut self, row: &Row) -> Result<()> {
        self.missed += usize::from(!row.met);
        let verdict = if row.met { "met" } else { "MISSED" };
        Self::cells([&row.what, &row.value, &row.against, &row.ratio, &row.target, verdict])
    }

    fn cells([what, value, against, ratio, target, verdict]: [&str; 6]) -> Result<()> {
        writeln!(
            io::stdout(),
            "| {what:<66} | {value:>24} | {against:<38} | {ratio:<17} | {target:<25} | {verdict:<6} |"
        )?;
        Ok(())
    }

    /// Writes what is worth knowing, and the heads of the columns.
    pub fn remark(text: &str) -> Result<()> {
        writeln!(io::stdout(), "{text}\n")?;
        Self::cells(["figure", "value", "against", "ratio", "target", ""])?;
        let line = |width| "-".repeat(width);
        let lines = [66, 24, 38, 17, 25, 6].map(line);
        Self::cells(lines.each_ref().map(String::as_str))
    }

    /// Says how many targets were missed.
    pub fn end(&self) -> Result<()> {
        match self.missed {
            0 => writeln!(io::stdout(), "\nEvery target is met.")?,
            missed => writeln!(io::stdout(), "\n{missed} missed.")?,
        }
        Ok(())
    }
}

fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 10.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}
