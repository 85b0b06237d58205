//! The part of Python that python-sdk's `client_config.py` is written in, read without running it: imports, one class,
//! docstrings, and assignments of literals or of names that were assigned above.
//!
//! The file's own call of `set_crypto_type`, which changes the SDK's global state, is skipped. Everything else is an
//! error with its line, because its effect could only be known by running it.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::config::tree::{Fault, Lines, MAX_DEPTH, Node, Table, Value};

/// Returns what is assigned. If a name is assigned again, the last assignment counts, as in Python.
pub(in crate::config) fn parse(text: &str) -> Result<Table, Fault> {
    let mut parser = Parser {
        text,
        rest: text.char_indices().peekable(),
        lines: Lines::of(text),
        table: Table::default(),
    };
    while parser.skip_blank_lines() {
        parser.statement()?;
    }
    Ok(parser.table)
}

struct Parser<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    lines: Lines,
    table: Table,
}

const NOT_READ: &str = "only assignments of literals are read, nothing is run: write the value itself";

impl<'a> Parser<'a> {
    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, c)| *c)
    }

    fn position(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn line(&mut self) -> usize {
        let at = self.position();
        self.lines.at(at)
    }

    fn fault<T>(&mut self, what: &str) -> Result<T, Fault> {
        Err((self.line(), what.to_owned()))
    }

    fn eat(&mut self, c: char) -> bool {
        self.rest.next_if(|(_, next)| *next == c).is_some()
    }

    /// Takes characters while they fit.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let start = self.position();
        while self.rest.next_if(|(_, c)| fits(*c)).is_some() {}
        let end = self.position();
        &self.text[start..end]
    }

    fn skip_line(&mut self) -> &'a str {
        let line = self.take_while(|c| c != '\n');
        self.eat('\n');
        line
    }

    fn skip_spaces(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\r' | '\u{c}'));
    }

    fn skip_comment(&mut self) {
        self.skip_spaces();
        if self.peek() == Some('#') {
            self.take_while(|c| c != '\n');
        }
    }

    /// Goes to the next statement. Returns false at the end.
    fn skip_blank_lines(&mut self) -> bool {
        loop {
            self.skip_comment();
            if !self.eat('\n') {
                return self.peek().is_some();
            }
        }
    }

    /// Checks that nothing but a comment follows on the line.
    fn end_of_statement(&mut self) -> Result<(), Fault> {
        self.eat(';');
        self.skip_comment();
        if self.peek().is_none() || self.eat('\n') { Ok(()) } else { self.fault(NOT_READ) }
    }

    fn statement(&mut self) -> Result<(), Fault> {
        let line = self.line();
        if matches!(self.peek(), Some('"' | '\'')) {
            self.string()?;
            return self.end_of_statement();
        }
        let word = self.take_while(is_of_name);
        match word {
            "import" | "from" => {
                self.skip_line();
                return Ok(());
            }
            "class" => {
                return match self.skip_line().split('#').next().unwrap_or_default().trim().ends_with(':') {
                    true => Ok(()),
                    false => Err((line, NOT_READ.into())),
                };
            }
            "pass" => return self.end_of_statement(),
            "" => return Err((line, NOT_READ.into())),
            "set_crypto_type" if self.peek() == Some('(') => {
                self.skip_line();
                return Ok(());
            }
            _ => {}
        }
        self.skip_spaces();
        if !self.eat('=') || self.peek() == Some('=') {
            return Err((line, NOT_READ.into()));
        }
        self.skip_spaces();
        let node = self.literal(0)?;
        self.end_of_statement()?;
        self.table.replace(word.to_owned(), line, node)
    }

    fn literal(&mut self, depth: usize) -> Result<Node, Fault> {
        let line = self.line();
        if depth > MAX_DEPTH {
            return Err((line, "lists are nested too deeply".into()));
        }
        let value = match self.peek() {
            Some('"' | '\'') => Value::text(self.strings()?),
            Some('[') => self.list('[', ']', depth)?,
            Some('(') => self.list('(', ')', depth)?,
            Some('{') => self.dictionary(depth)?,
            Some(c) if c.is_ascii_digit() || matches!(c, '-' | '+') => self.number()?,
            Some(c) if is_of_name(c) => match self.take_while(is_of_name) {
                "True" => Value::Flag(true),
                "False" => Value::Flag(false),
                "None" => Value::Other("None"),
                name => self.assigned(name, line)?,
            },
            _ => return Err((line, NOT_READ.into())),
        };
        Ok(Node { line, value })
    }

    /// Returns the scalar that a name was assigned above.
    fn assigned(&mut self, name: &str, line: usize) -> Result<Value, Fault> {
        match self.table.find(name).filter(|entry| entry.key == name).map(|entry| &entry.node.value) {
            Some(Value::Text(text)) => Ok(Value::Text(text.clone())),
            Some(Value::Integer(number)) => Ok(Value::Integer(*number)),
            Some(Value::Flag(flag)) => Ok(Value::Flag(*flag)),
            Some(Value::Other(what)) => Ok(Value::Other(what)),
            _ => Err((line, NOT_READ.into())),
        }
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let line = self.line();
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_'));
        let text = text.replace('_', "");
        match text.parse() {
            Ok(number) => Ok(Value::Integer(number)),
            Err(_) if text.parse::<f64>().is_ok() => Ok(Value::Other("a fraction")),
            Err(_) => Err((line, NOT_READ.into())),
        }
    }

    /// Skips what separates the parts of a list, which may be on lines of their own.
    fn skip_between(&mut self) {
        loop {
            self.skip_comment();
            if !self.eat('\n') {
                return;
            }
        }
    }

    fn list(&mut self, opening: char, closing: char, depth: usize) -> Result<Value, Fault> {
        self.eat(opening);
        let mut nodes = Vec::new();
        loop {
            self.skip_between();
            if self.eat(closing) {
                return Ok(Value::List(nodes));
            }
            nodes.push(self.literal(depth + 1)?);
            self.skip_between();
            if !self.eat(',') && self.peek() != Some(closing) {
                return self.fault(NOT_READ);
            }
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value, Fault> {
        self.eat('{');
        let mut table = Table::default();
        loop {
            self.skip_between();
            if self.eat('}') {
                return Ok(Value::Table(table));
            }
            let key = self.literal(depth + 1)?;
            self.skip_between();
            if !self.eat(':') {
                return self.fault(NOT_READ);
            }
            self.skip_between();
            let node = self.literal(depth + 1)?;
            if let Value::Text(name) = key.value {
                table.replace(name.to_string(), key.line, node)?;
            }
            self.skip_between();
            if !self.eat(',') && self.peek() != Some('}') {
                return self.fault(NOT_READ);
            }
        }
    }

    /// Returns a string, and those that follow it on the line, which Python joins.
    fn strings(&mut self) -> Result<String, Fault> {
        let mut text = self.string()?;
        loop {
            self.skip_spaces();
            if !matches!(self.peek(), Some('"' | '\'')) {
                return Ok(text);
            }
            text.push_str(&self.string()?);
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let line = self.line();
        let Some((at, quote)) = self.rest.next() else { return self.fault(NOT_READ) };
        let is_long = self.text[at + 1..].starts_with(&quote.to_string().repeat(2));
        if is_long {
            self.eat(quote);
            self.eat(quote);
        }
        let mut text = String::new();
        loop {
            let Some((at, c)) = self.rest.next() else { return Err((line, "this string has no end".into())) };
            match c {
                '\n' if !is_long => return Err((line, "this string has no end".into())),
                '\\' => self.escape(&mut text)?,
                _ if c == quote && !is_long => return Ok(text),
                _ if c == quote && self.text[at + 1..].starts_with(&quote.to_string().repeat(2)) => {
                    self.eat(quote);
                    self.eat(quote);
                    return Ok(text);
                }
                _ => text.push(c),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), Fault> {
        let Some((_, c)) = self.rest.next() else { return self.fault("this string has no end") };
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => {
                match c {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    '\\' | '\'' | '"' => text.push(c),
                    '\n' => {}
                    // Python keeps what is not an escape, as in Windows paths.
                    _ => text.extend(['\\', c]),
                }
                return Ok(());
            }
        };
        let start = self.position();
        for _ in 0..digits {
            self.rest.next_if(|(_, c)| c.is_ascii_hexdigit());
        }
        let end = self.position();
        let code = u32::from_str_radix(&self.text[start..end], 16).ok().filter(|_| end - start == digits);
        let Some(c) = code.and_then(char::from_u32) else { return self.fault("this escape is not complete") };
        text.push(c);
        Ok(())
    }
}

fn is_of_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
