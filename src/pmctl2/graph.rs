//! `pmctl2 graph`: the topology as the console draws it, and for other programs.

use clap::{Args, ValueEnum};
use placemat2_engine::{api::Topology, client::Client};
use placemat2_ui::topology::{self, Graph, Picture, Rack};

use super::connect::Session;
use crate::output;

/// Arguments of `pmctl2 graph`
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// How to print it
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Form::Text, value_name = "FORMAT")]
    form: Form,
    /// Draw each rack as one box
    #[arg(long)]
    fold: bool,
    /// With -o text: draw with ASCII only
    #[arg(long)]
    ascii: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// Boxes and lines
    Text,
    /// The same as a vector graphic
    Svg,
    /// For Graphviz
    Dot,
    /// For Mermaid
    Mermaid,
}

impl GraphArgs {
    /// Prints the graph.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let lab: Topology = session.read(&Client::path(&["topology"])).await?;
        let racks = if self.fold { topology::racks(&lab) } else { Vec::new() };
        let graph = Graph::new(&lab, &racks.iter().collect::<Vec<&Rack>>());
        output::text(&match self.form {
            Form::Text => topology::text(&lab, &Picture::new(graph.meshed()), self.ascii),
            Form::Svg => topology::svg(&lab, &Picture::new(graph.meshed())),
            Form::Dot => topology::dot(&graph),
            Form::Mermaid => topology::mermaid(&graph),
        })
    }
}
