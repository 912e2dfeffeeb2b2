//! What stands between `${` and `}`: a name with a default, or a calculation with whole numbers and a format.

use std::borrow::Cow;

/// How long it may be; nobody writes more, and it bounds how deep a calculation can be nested.
const LONGEST: usize = 200;
/// Most digits a format may ask for: as many as a number can have.
const WIDEST: usize = 20;

/// A reference, read.
#[derive(Debug, PartialEq, Eq)]
pub enum Reference<'t> {
    /// `NAME`, or `NAME:-DEFAULT`.
    Variable {
        /// The variable's name.
        name: &'t str,
        /// What stands for it where it is not set, or empty.
        default: Option<&'t str>,
    },
    /// Anything with an operator or a format.
    Calculation {
        /// What is calculated.
        term: Term<'t>,
        /// How the number is written.
        format: Format,
    },
}

/// A calculation.
#[derive(Debug, PartialEq, Eq)]
pub enum Term<'t> {
    /// The number that a variable holds.
    Name(&'t str),
    /// A number.
    Number(i64),
    /// Two terms with an operator between them: one of `+-*/%`.
    Operation(Box<Term<'t>>, char, Box<Term<'t>>),
}

/// How a number is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    width: usize,
    zeros: bool,
    hexadecimal: bool,
}

/// Why a calculation has no outcome.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// A name in it has no number.
    Name(E),
    /// It can't be done, for this reason.
    Arithmetic(&'static str),
}

/// Whether a text can be the name of a variable.
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(begins_name) && characters.all(continues_name)
}

fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn continues_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl<'t> Reference<'t> {
    /// Reads what stands between `${` and `}`; `None` if it is no reference.
    pub fn parse(text: &'t str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        if is_name(text) {
            return Some(Self::Variable {
                name: text,
                default: None,
            });
        }
        if let Some((name, default)) = text.split_once(":-") {
            return is_name(name).then_some(Self::Variable {
                name,
                default: Some(default),
            });
        }
        let (calculation, format) = match text.split_once(':') {
            Some((calculation, format)) => (calculation, Format::parse(format)?),
            None => (text, Format::default()),
        };
        let mut rest = Rest(calculation);
        let term = rest.sum()?;
        rest.is_empty().then_some(Self::Calculation { term, format })
    }

    /// Returns all names in it.
    pub fn names(&self) -> Vec<&'t str> {
        match self {
            Self::Variable { name, .. } => vec![name],
            Self::Calculation { term, .. } => {
                let mut names = Vec::new();
                term.add_names(&mut names);
                names
            }
        }
    }
}

impl<'t> Term<'t> {
    fn add_names(&self, names: &mut Vec<&'t str>) {
        match self {
            Self::Name(name) => names.push(name),
            Self::Number(_) => {}
            Self::Operation(left, _, right) => {
                left.add_names(names);
                right.add_names(names);
            }
        }
    }

    /// Calculates.
    pub fn value<E>(&self, number: &mut impl FnMut(&'t str) -> Result<i64, E>) -> Result<i64, Failure<E>> {
        let (left, operator, right) = match self {
            Self::Name(name) => return number(name).map_err(Failure::Name),
            Self::Number(number) => return Ok(*number),
            Self::Operation(left, operator, right) => (left.value(number)?, operator, right.value(number)?),
        };
        if right == 0 && matches!(operator, '/' | '%') {
            return Err(Failure::Arithmetic("it divides by zero"));
        }
        let value = match operator {
            '+' => left.checked_add(right),
            '-' => left.checked_sub(right),
            '*' => left.checked_mul(right),
            '/' => left.checked_div_euclid(right),
            _ => left.checked_rem_euclid(right),
        };
        value.ok_or(Failure::Arithmetic("the number is too large"))
    }
}

impl Format {
    /// Reads `[0][WIDTH][d|x]`.
    fn parse(text: &str) -> Option<Self> {
        let (digits, hexadecimal) = match text.strip_suffix('x') {
            Some(digits) => (digits, true),
            None => (text.strip_suffix('d').unwrap_or(text), false),
        };
        let width = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        (plain && !text.is_empty() && width <= WIDEST).then_some(Self {
            width,
            zeros: digits.starts_with('0'),
            hexadecimal,
        })
    }

    /// Writes a number; `None` if it is negative and has to be hexadecimal.
    pub fn write(self, number: i64) -> Option<String> {
        let width = self.width;
        if self.hexadecimal {
            let number = u64::try_from(number).ok()?;
            return Some(if self.zeros {
                format!("{number:0width$x}")
            } else {
                format!("{number:width$x}")
            });
        }
        Some(if self.zeros {
            format!("{number:0width$}")
        } else {
            format!("{number:width$}")
        })
    }
}

/// What is still to be read of a calculation.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn is_empty(&mut self) -> bool {
        self.0 = self.0.trim_start();
        self.0.is_empty()
    }

    /// Takes one of these characters if it comes next.
    fn take(&mut self, wanted: &[char]) -> Option<char> {
        self.0 = self.0.trim_start();
        let next = self.0.chars().next().filter(|next| wanted.contains(next))?;
        self.0 = self.0.get(next.len_utf8()..).unwrap_or_default();
        Some(next)
    }

    fn sum(&mut self) -> Option<Term<'t>> {
        let mut left = self.product()?;
        while let Some(operator) = self.take(&['+', '-']) {
            left = Term::Operation(Box::new(left), operator, Box::new(self.product()?));
        }
        Some(left)
    }

    fn product(&mut self) -> Option<Term<'t>> {
        let mut left = self.operand()?;
        while let Some(operator) = self.take(&['*', '/', '%']) {
            left = Term::Operation(Box::new(left), operator, Box::new(self.operand()?));
        }
        Some(left)
    }

    fn operand(&mut self) -> Option<Term<'t>> {
        if self.take(&['(']).is_some() {
            let inner = self.sum()?;
            return self.take(&[')']).map(|_| inner);
        }
        self.0 = self.0.trim_start();
        let end = self.0.find(|c| !continues_name(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        if is_name(word) {
            return Some(Term::Name(word));
        }
        let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        word.parse().ok().filter(|_| digits).map(Term::Number)
    }
}

/// A text in pieces.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text that stands for itself.
    Plain(Cow<'t, str>),
    /// `${…}`: what stands between the braces, and how many bytes are before the `$`.
    Reference(&'t str, usize),
    /// `${` that is never closed, and how many bytes are before it.
    Open(&'t str, usize),
}

/// Divides a text at its references. `$${` stands for `${`.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let before = text.len() - rest.len() + at;
        let (plain, reference) = rest.split_at(at);
        if let Some(plain) = plain.strip_suffix('$') {
            pieces.push(Piece::Plain(format!("{plain}${{").into()));
            rest = reference.get(2..).unwrap_or_default();
            continue;
        }
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain.into()));
        }
        let Some(end) = reference.find('}') else {
            pieces.push(Piece::Open(reference, before));
            return pieces;
        };
        pieces.push(Piece::Reference(reference.get(2..end).unwrap_or_default(), before));
        rest = reference.get(end + 1..).unwrap_or_default();
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest.into()));
    }
    pieces
}

/// Writes a text so that [`pieces`] finds no reference in it.
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.contains("${") {
        Cow::Owned(text.replace("${", "$${"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Calculates with i = 5 and j = 12.
    fn calculate(text: &str) -> Option<String> {
        let Reference::Calculation { term, format } = Reference::parse(text)? else {
            return None;
        };
        let mut number = |name| match name {
            "i" => Ok(5),
            "j" => Ok(12),
            _ => Err(()),
        };
        format.write(term.value(&mut number).ok()?)
    }

    #[test]
    fn calculations_are_those_of_school() {
        for (text, outcome) in [
            ("i+3", "8"),
            ("i - 1", "4"),
            ("i*2+1", "11"),
            ("1+i*2", "11"),
            ("(1+i)*2", "12"),
            ("j/i", "2"),
            ("j%i", "2"),
            ("(0-i)/2", "-3"),
            ("i-j", "-7"),
            ("j-i-1", "6"),
            ("i:02", "05"),
            ("i:3", "  5"),
            ("j:02x", "0c"),
            ("j+i:x", "11"),
            ("i:d", "5"),
        ] {
            assert_eq!(calculate(text).as_deref(), Some(outcome), "{text}");
        }
    }

    #[test]
    fn what_can_t_be_calculated_is_refused() {
        for text in [
            "i+",
            "+i",
            "i j",
            "(i",
            "i)",
            "i:",
            "i:+2",
            "i:99",
            "i:0y",
            "i/0",
            "i%(i-5)",
            "k+1",
            "i-j:x",
            "9223372036854775807+i",
            "99999999999999999999+i",
            "#i",
            "i^^",
            "i@P",
        ] {
            assert_eq!(calculate(text), None, "{text}");
        }
    }

    #[test]
    fn defaults_are_what_follows() {
        let parsed = Reference::parse("MEMORY:-2 G:-");
        let name = "MEMORY";
        assert_eq!(
            parsed,
            Some(Reference::Variable {
                name,
                default: Some("2 G:-")
            })
        );
        assert_eq!(
            Reference::parse(name),
            Some(Reference::Variable { name, default: None })
        );
        for text in ["", "1A", "A-B:-x", "Ä"] {
            assert!(
                !matches!(Reference::parse(text), Some(Reference::Variable { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn texts_are_divided() {
        let plain = |text: &'static str| Piece::Plain(text.into());
        assert_eq!(
            pieces("a${b}c$d$$e"),
            [plain("a"), Piece::Reference("b", 1), plain("c$d$$e")]
        );
        assert_eq!(pieces("$${a}${b"), [plain("${"), plain("a}"), Piece::Open("${b", 5)]);
        assert_eq!(pieces("$$${}"), [plain("$${"), plain("}")]);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[-a-z0-9+*/%():${} é]{0,60}") {
            if let Some(Reference::Calculation { term, format }) = Reference::parse(&text) {
                let _ = term.value(&mut |_| Ok::<_, ()>(i64::MIN)).map(|number| format.write(number));
            }
            let _ = pieces(&text);
        }

        #[test]
        fn escaped_text_stands_for_itself(text in "[ab${}é]{0,40}") {
            let escaped = escape(&text).into_owned();
            let whole: String = pieces(&escaped)
                .into_iter()
                .map(|piece| match piece {
                    Piece::Plain(plain) => plain,
                    other => panic!("{other:?} in {escaped}"),
                })
                .collect();
            prop_assert_eq!(whole, text);
        }
    }
}
