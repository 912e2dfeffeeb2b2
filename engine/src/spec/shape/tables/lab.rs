//! `Lab`: what is said of a lab as a whole.

use super::{KIND, new};
use crate::spec::shape::{
    Absent::Means,
    Shape,
    Value::{List, Name, TextMap},
};

pub static LAB: Shape = Shape {
    name: "Lab",
    about: "What is said of the lab as a whole, in any number of files",
    keys: &[&[
        KIND,
        new(
            "include",
            List(&Name),
            Means("none"),
            "[common.yml]",
            "list of lab files to read as well, relative to the file that says so",
        ),
        new(
            "variables",
            TextMap,
            Means("none"),
            "{RACKS: 2}",
            "mapping of names (a letter or `_`, then letters, digits and `_`) to defaults",
        ),
    ]],
    one_of: &[],
    needs: &[],
};
