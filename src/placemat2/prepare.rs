//! From the command line to a plan: what `run` and `plan` have in common.

use std::{
    env,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use placemat2_engine::{
    host::{facts, mtu},
    plan::{self, AccelChoice, Facts, Mtu, Options, Plan},
    spec::{self, model::Spec},
};

use super::{
    cli::{Accel, PlanOptions},
    demo,
};
use crate::output;

/// What the user wrote: lab files without a mistake, and options.
pub struct Written {
    spec: Spec,
    options: Options,
    mtu: mtu::Choice,
    /// Asked while the files were checked.
    qemu: Option<facts::AskedQemu>,
}

/// A plan, and what it was made with.
pub struct Prepared {
    pub plan: Plan,
    pub spec: Spec,
    pub options: Options,
    pub facts: Facts,
    pub mtu: mtu::Choice,
}

/// Returned where the user has been told all there is to tell.
#[derive(Debug, thiserror::Error)]
pub enum Told {
    /// Of mistakes in the files.
    #[error("the lab can't be built as it is written")]
    Mistakes,
    /// Of what the plan asks of this host in vain.
    #[error("the lab can't be built on this host")]
    Obstacles,
}

/// Reads the lab files. Mistakes in them are written to stderr, all of them. Blocks.
pub fn read(args: &PlanOptions) -> anyhow::Result<Written> {
    let args = &demo::found(args)?;
    let mut qemu = None;
    let mut report = spec::load_announcing(&args.files, &args.variables.given(), || qemu = facts::ask_qemu());
    if args.strict {
        report.deny_warnings();
    }
    let color = std::io::stderr().is_terminal() && output::color_is_welcome();
    if report.has_errors(args.strict) || !output::is_quiet() {
        output::remarks(&report.render_text(color));
    }
    let Some(spec) = report.spec.take().filter(|_| !report.has_errors(args.strict)) else {
        return Err(Told::Mistakes.into());
    };
    Ok(Written::new(spec, args, qemu))
}

impl Written {
    fn new(spec: Spec, args: &PlanOptions, qemu: Option<facts::AskedQemu>) -> Self {
        let mtu = match (args.mtu, &args.mtu_probe) {
            (Some(bytes), _) => mtu::Choice::Fixed(bytes),
            (None, Some(host)) => mtu::Choice::Probe(host.clone()),
            (None, None) => mtu::Choice::Route,
        };
        let options = options(args, &spec.base_dir);
        Self {
            spec,
            options,
            mtu,
            qemu,
        }
    }

    /// No lab at all.
    pub fn nothing(args: &PlanOptions) -> Self {
        Self::new(Spec::default(), args, facts::ask_qemu())
    }

    /// Asks the host, for more than the lab needs. Blocks.
    pub fn gather_all(self, found: Mtu) -> anyhow::Result<(Spec, Options, Facts)> {
        let facts = facts::gather_all(&self.spec, &self.options, found, self.qemu)?;
        Ok((self.spec, self.options, facts))
    }

    /// The name and the place of the lab's directory, which are known before there is a plan.
    pub fn lab(&self) -> (PathBuf, String) {
        (self.options.lab_root.clone(), plan::lab_name(&self.spec, &self.options))
    }

    /// Finds the MTU of the lab's links.
    pub async fn find_mtu(&self) -> anyhow::Result<Mtu> {
        Ok(self.mtu.find().await?)
    }

    /// Asks the host, and plans. What stands against the plan is written to stderr, all of it. Blocks.
    pub fn plan(self, found: Mtu) -> anyhow::Result<Prepared> {
        let Self {
            spec,
            options,
            mtu,
            qemu,
        } = self;
        let facts = facts::gather(&spec, &options, found, qemu)?;
        match plan::build(&spec, &options, &facts) {
            Ok(plan) => Ok(Prepared {
                plan,
                spec,
                options,
                facts,
                mtu,
            }),
            Err(errors) => {
                for error in errors {
                    let place = error.place().map(|place| format!("{place}: ")).unwrap_or_default();
                    output::remark("placemat2", &format!("{place}{error}"));
                }
                Err(Told::Obstacles.into())
            }
        }
    }
}

/// Relative directories start at that of the first lab file, as paths in lab files do: placemat v2 changed into it, and there are the
/// disks of those who ran it. Without a file they start where the user is.
fn options(args: &PlanOptions, first: &Path) -> Options {
    let absolute = |path: &Path| {
        let path = first.join(path);
        std::path::absolute(&path).unwrap_or(path)
    };
    let data_dir = absolute(&args.data_dir);
    let cache_dir = args.cache_dir.as_deref().map(absolute);
    let sudo_user = env::var("SUDO_USER").ok();
    Options {
        name: args.name.clone(),
        run_dir: absolute(&args.run_dir),
        cache_dir: cache_dir.unwrap_or_else(|| Options::default_cache_dir(&data_dir, sudo_user.as_deref())),
        data_dir,
        log_dir: absolute(&args.log_dir),
        accel: match args.accel {
            Accel::Auto => AccelChoice::Auto,
            Accel::Kvm => AccelChoice::Kvm,
            Accel::Tcg => AccelChoice::Tcg,
        },
        qemu_user: args.qemu_user.clone(),
        graphic: args.graphic,
        ..Options::default()
    }
}
