//! A window of a picture as characters.

use super::{
    graph::Graph,
    route::{BOX_ROWS, Layout, Piece, Placed},
};

/// What a character belongs to; decides on its look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A box or a line like others.
    #[default]
    Plain,
    /// A line that is down.
    Down,
    /// Part of the way between two boxes.
    Path,
    /// What is selected.
    Selected,
}

impl Mark {
    /// What a character that two lines share belongs to: a shared line is down only if all of them are.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Plain, Self::Down) | (Self::Down, Self::Plain) => Self::Plain,
            (one, other) => one.max(other),
        }
    }
}

/// A graph, and where all of it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// What is drawn.
    pub graph: Graph,
    /// Where.
    pub layout: Layout,
}

impl Picture {
    /// Lays a graph out.
    pub fn new(graph: Graph) -> Self {
        let layout = Layout::new(&graph);
        Self { graph, layout }
    }
}

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Light lines by the directions they go to, heavy ones, and ASCII.
const LIGHT: [char; 16] = [
    ' ', '╵', '╷', '│', '╴', '┘', '┐', '┤', '╶', '└', '┌', '├', '─', '┴', '┬', '┼',
];
const HEAVY: [char; 16] = [
    ' ', '╹', '╻', '┃', '╸', '┛', '┓', '┫', '╺', '┗', '┏', '┣', '━', '┻', '┳', '╋',
];
const ASCII: [char; 16] = [
    ' ', '|', '|', '|', '-', '+', '+', '+', '-', '+', '+', '+', '-', '+', '+', '+',
];
const ASCII_HEAVY: [char; 16] = [
    ' ', '#', '#', '#', '=', '#', '#', '#', '=', '#', '#', '#', '=', '#', '#', '#',
];

#[derive(Clone, Copy, Default)]
struct Dot {
    bits: u8,
    mark: Mark,
    /// Whether anything was drawn here.
    used: bool,
    text: Option<char>,
}

/// A window of a picture.
pub struct Canvas {
    x: u16,
    y: u16,
    width: u16,
    height: u16,
    dots: Vec<Dot>,
}

impl Canvas {
    /// The window that begins at that column and row of a picture.
    pub fn new(x: u16, y: u16, width: u16, height: u16) -> Self {
        Self {
            x,
            y,
            width,
            height,
            dots: vec![Dot::default(); usize::from(width) * usize::from(height)],
        }
    }

    /// Draws lines and boxes. Lines are told to `line`, boxes to `frame`, which say how they are marked.
    pub fn draw(&mut self, picture: &Picture, line: impl Fn(&Piece) -> Mark, frame: impl Fn(usize) -> Mark) {
        for piece in &picture.layout.pieces {
            self.polyline(&piece.points, line(piece));
        }
        for placed in &picture.layout.boxes {
            self.frame(placed, frame(placed.vertex));
        }
        for bus in &picture.layout.buses {
            let Some(start) = bus.label else { continue };
            let name = &picture.graph.nets[bus.net].name;
            self.label(start, bus.y, name);
        }
    }

    /// Marks what a way has of a network's shared line.
    pub fn span(&mut self, from: u16, to: u16, y: u16, mark: Mark) {
        for x in from.min(to)..=from.max(to) {
            if let Some(dot) = self.dot(x, y) {
                dot.mark = dot.mark.max(mark);
            }
        }
    }

    fn polyline(&mut self, points: &[(u16, u16)], mark: Mark) {
        let last_column = self.x.saturating_add(self.width);
        let last_row = self.y.saturating_add(self.height);
        for pair in points.windows(2) {
            let ((a, b), (c, d)) = (pair[0], pair[1]);
            if a == c {
                let (from, to) = (b.min(d), b.max(d));
                for y in from.max(self.y)..=to.min(last_row) {
                    let bits = if y > from { UP } else { 0 } | if y < to { DOWN } else { 0 };
                    self.add(a, y, bits, mark);
                }
            } else {
                let (from, to) = (a.min(c), a.max(c));
                for x in from.max(self.x)..=to.min(last_column) {
                    let bits = if x > from { LEFT } else { 0 } | if x < to { RIGHT } else { 0 };
                    self.add(x, b, bits, mark);
                }
            }
        }
    }

    fn frame(&mut self, placed: &Placed, mark: Mark) {
        let (right, bottom) = (placed.x + placed.width.saturating_sub(1), placed.y + BOX_ROWS - 1);
        let corners = [
            (placed.x, placed.y),
            (right, placed.y),
            (right, bottom),
            (placed.x, bottom),
            (placed.x, placed.y),
        ];
        self.polyline(&corners, mark);
    }

    /// Writes a name on a line, if nothing but the line is there.
    fn label(&mut self, start: u16, y: u16, name: &str) {
        let length = u16::try_from(name.chars().count()).unwrap_or(u16::MAX);
        let begin = start.saturating_add(1);
        let end = begin.saturating_add(length);
        let plain = |canvas: &mut Self, x| canvas.dot(x, y).is_some_and(|dot| dot.bits == LEFT | RIGHT);
        if (start..=end).all(|x| plain(self, x)) {
            self.text(begin, y, name);
        }
    }

    /// Writes text over what is there.
    pub fn text(&mut self, x: u16, y: u16, text: &str) {
        for (column, c) in (x..).zip(text.chars()) {
            if let Some(dot) = self.dot(column, y) {
                dot.text = Some(c);
            }
        }
    }

    fn dot(&mut self, x: u16, y: u16) -> Option<&mut Dot> {
        let (column, row) = (x.checked_sub(self.x)?, y.checked_sub(self.y)?);
        if column >= self.width || row >= self.height {
            return None;
        }
        self.dots
            .get_mut(usize::from(row) * usize::from(self.width) + usize::from(column))
    }

    fn add(&mut self, x: u16, y: u16, bits: u8, mark: Mark) {
        if let Some(dot) = self.dot(x, y) {
            dot.bits |= bits;
            dot.mark = if dot.used { dot.mark.with(mark) } else { mark };
            dot.used = true;
        }
    }

    /// The rows of the window, each as characters with what they belong to.
    pub fn rows(&self, ascii: bool) -> impl Iterator<Item = impl Iterator<Item = (char, Mark)> + '_> + '_ {
        let (light, heavy) = if ascii {
            (&ASCII, &ASCII_HEAVY)
        } else {
            (&LIGHT, &HEAVY)
        };
        let shown = move |dot: &Dot| {
            let set = if dot.mark >= Mark::Path { heavy } else { light };
            let line = match dot.bits {
                3 if dot.mark == Mark::Down => {
                    if ascii {
                        ':'
                    } else {
                        '┊'
                    }
                }
                12 if dot.mark == Mark::Down => {
                    if ascii {
                        '.'
                    } else {
                        '┄'
                    }
                }
                bits => set[usize::from(bits & 15)],
            };
            (dot.text.unwrap_or(line), dot.mark)
        };
        self.dots
            .chunks(usize::from(self.width).max(1))
            .map(move |row| row.iter().map(shown))
    }
}
