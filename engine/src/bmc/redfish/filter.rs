//! `$filter`: which members of a collection are wanted, as an expression over their properties.

use serde_json::Value;

/// Brackets and `not`s within one another.
const DEPTH: usize = 16;

/// An expression that a resource fits or not.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// One of them at least.
    Or(Vec<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// A property compared with a value.
    Compare(String, Comparison, Value),
}

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Is.
    Eq,
    /// Is not.
    Ne,
    /// Is greater than.
    Gt,
    /// Is not less than.
    Ge,
    /// Is less than.
    Lt,
    /// Is not greater than.
    Le,
}

impl Filter {
    /// Reads an expression.
    pub fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        let mut parser = Parser {
            tokens: &tokens,
            depth: 0,
        };
        let filter = parser.any()?;
        parser.tokens.is_empty().then_some(filter)
    }

    /// Whether a resource fits.
    pub fn fits(&self, resource: &Value) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|filter| filter.fits(resource)),
            Self::Or(filters) => filters.iter().any(|filter| filter.fits(resource)),
            Self::Not(filter) => !filter.fits(resource),
            Self::Compare(path, comparison, value) => {
                let found = path.split('/').try_fold(resource, |found, name| found.get(name));
                compare(found.unwrap_or(&Value::Null), *comparison, value)
            }
        }
    }
}

fn compare(found: &Value, comparison: Comparison, value: &Value) -> bool {
    let order = match (found, value) {
        (Value::Number(found), Value::Number(value)) => found
            .as_f64()
            .zip(value.as_f64())
            .and_then(|(found, value)| found.partial_cmp(&value)),
        (Value::String(found), Value::String(value)) => Some(found.cmp(value)),
        _ => None,
    };
    match comparison {
        Comparison::Eq => order.map_or(found == value, std::cmp::Ordering::is_eq),
        Comparison::Ne => order.map_or(found != value, std::cmp::Ordering::is_ne),
        Comparison::Gt => order.is_some_and(std::cmp::Ordering::is_gt),
        Comparison::Ge => order.is_some_and(std::cmp::Ordering::is_ge),
        Comparison::Lt => order.is_some_and(std::cmp::Ordering::is_lt),
        Comparison::Le => order.is_some_and(std::cmp::Ordering::is_le),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Word(String),
    Literal(Value),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => {
                tokens.push(if first == '(' { Token::Open } else { Token::Close });
                1
            }
            '\'' => {
                let (string, length) = string(rest)?;
                tokens.push(Token::Literal(string.into()));
                length
            }
            _ => {
                let length = rest
                    .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '\''))
                    .unwrap_or(rest.len());
                tokens.push(word(&rest[..length]));
                length
            }
        };
        rest = rest.get(length..)?.trim_start();
    }
    Some(tokens)
}

/// A string in quotes, in which a quote is written twice, and its length with the quotes.
fn string(text: &str) -> Option<(String, usize)> {
    let mut string = String::new();
    let mut quoted = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = quoted.next() {
        if c != '\'' {
            string.push(c);
        } else if quoted.next_if(|(_, next)| *next == '\'').is_some() {
            string.push('\'');
        } else {
            return Some((string, at + 1));
        }
    }
    None
}

fn word(text: &str) -> Token {
    match text {
        "true" => Token::Literal(true.into()),
        "false" => Token::Literal(false.into()),
        "null" => Token::Literal(Value::Null),
        _ => match serde_json::from_str::<serde_json::Number>(text) {
            Ok(number) => Token::Literal(number.into()),
            Err(_) => Token::Word(text.to_owned()),
        },
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.first(), Some(Token::Word(found)) if found == word);
        if found {
            self.next();
        }
        found
    }

    fn any(&mut self) -> Option<Filter> {
        let mut filters = vec![self.all()?];
        while self.takes("or") {
            filters.push(self.all()?);
        }
        Some(if filters.len() == 1 {
            filters.remove(0)
        } else {
            Filter::Or(filters)
        })
    }

    fn all(&mut self) -> Option<Filter> {
        let mut filters = vec![self.one()?];
        while self.takes("and") {
            filters.push(self.one()?);
        }
        Some(if filters.len() == 1 {
            filters.remove(0)
        } else {
            Filter::And(filters)
        })
    }

    fn one(&mut self) -> Option<Filter> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let filter = if self.takes("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.tokens.first() == Some(&Token::Open) {
            self.next();
            let inner = self.any()?;
            if self.next() != Some(&Token::Close) {
                return None;
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Some(filter)
    }

    fn comparison(&mut self) -> Option<Filter> {
        let Token::Word(path) = self.next()? else { return None };
        let Token::Word(comparison) = self.next()? else {
            return None;
        };
        let comparison = match comparison.as_str() {
            "eq" => Comparison::Eq,
            "ne" => Comparison::Ne,
            "gt" => Comparison::Gt,
            "ge" => Comparison::Ge,
            "lt" => Comparison::Lt,
            "le" => Comparison::Le,
            _ => return None,
        };
        let Token::Literal(value) = self.next()? else {
            return None;
        };
        Some(Filter::Compare(path.clone(), comparison, value.clone()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fits(filter: &str) -> bool {
        let resource = json!({ "Id": "it's", "Size": 8, "Status": { "State": "Enabled" }, "On": true, "None": null });
        Filter::parse(filter).unwrap().fits(&resource)
    }

    #[test]
    fn expressions() {
        for filter in [
            "Id eq 'it''s'",
            "Size gt 7.5 and Size le 8",
            "Status/State eq 'Enabled' or Missing eq 1",
            "not (Size lt 8) and (On eq true)",
            "None eq null and Missing ne 'x'",
            "Size eq 1 and Size eq 2 or On eq true",
        ] {
            assert!(fits(filter), "{filter}");
        }
        for filter in [
            "Size eq '8'",
            "not On eq true",
            "Status/State/Deeper eq 1",
            "Missing gt 1",
        ] {
            assert!(!fits(filter), "{filter}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let deep = format!("{}A eq 1{}", "(".repeat(1000), ")".repeat(1000));
        for nonsense in [
            "",
            "A",
            "A eq",
            "A eq B",
            "1 eq A",
            "A eq 1 or",
            "(A eq 1",
            "A eq 1)",
            "A eq 'x",
            &deep,
        ] {
            assert_eq!(Filter::parse(nonsense), None, "{nonsense:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = Filter::parse(&text);
        }
    }
}
