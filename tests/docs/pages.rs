//! The pages of the documentation, and the code in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every page with its text.
pub fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = docs.chain(["README.md", "CHANGELOG.md"].map(|name| root.join(name)));
    let mut pages: Vec<_> = pages
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    pages.sort();
    pages
}

/// A piece of code: what stands behind the fence (nothing for an indented block), and its lines.
pub struct Block {
    pub info: String,
    pub lines: Vec<String>,
}

/// The blocks of code of a page, fenced and indented.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fenced = false;
    let mut indented = false;
    for line in page.lines() {
        if let Some(info) = line.strip_prefix("```") {
            fenced = !fenced;
            if fenced {
                let info = info.to_owned();
                blocks.push(Block { info, lines: vec![] });
            }
            continue;
        }
        let code = if fenced {
            Some(line)
        } else if indented && line.is_empty() {
            Some("")
        } else {
            line.strip_prefix("    ")
        };
        if code.is_some() && !fenced && !indented {
            let info = String::new();
            blocks.push(Block { info, lines: vec![] });
        }
        indented = code.is_some() && !fenced;
        if let (Some(code), Some(block)) = (code, blocks.last_mut()) {
            block.lines.push(code.to_owned());
        }
    }
    blocks
}

impl Block {
    /// Whether it is for a shell, as it seems: indented, or without a word of what it is.
    pub fn is_shell(&self) -> bool {
        matches!(self.info.as_str(), "" | "sh" | "console") && !self.is_lab()
    }

    /// Whether it is a lab file, or a part of one.
    pub fn is_lab(&self) -> bool {
        let resource = self.lines.iter().any(|line| line.starts_with("kind:"));
        let foreign = self.lines.iter().any(|line| line.starts_with("apiVersion:"));
        resource && !foreign
    }

    /// Its lines, those joined that a `\\` divides, without what is empty or a comment.
    pub fn command_lines(&self) -> Vec<String> {
        let text = self.lines.join("\n").replace("\\\n", " ");
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }
}

/// Every second piece between backticks is code.
pub fn spans(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}
