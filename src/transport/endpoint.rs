//! The address of a node as users write it: `host:port`, `IPv4:port` or `[IPv6]:port`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::text::foreign;
use crate::{Error, ErrorKind, Result};

/// The length of the longest host name in DNS, in bytes.
const MAX_NAME_LEN: usize = 253;

/// More bytes than any endpoint has: the longest name, a dot, a colon and a port.
const MAX_LEN: usize = 300;

/// The host and port of a node.
///
/// Two endpoints are equal if they name the same host and port. Letter case and the way an IPv6 address is shortened
/// make no difference. A name and its address are different endpoints, because names are resolved at every connect.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// Returns the host: a name in lower case, or an IP address (IPv6 without brackets).
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the TCP port, which is never 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Endpoint> {
        parse(text).map_err(|why| {
            Error::undelivered(ErrorKind::InvalidEndpoint, format!("endpoint {:?}: {why}", foreign(text)))
        })
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = Error;

    fn try_from(text: &str) -> Result<Endpoint> {
        text.parse()
    }
}

/// Returns the endpoints in a list, as a command line has it: separated by commas, semicolons or blanks, also in their
/// full-width forms. Nothing is checked.
pub fn endpoint_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_separator).filter(|endpoint| !endpoint.is_empty())
}

/// Returns whether lists separate endpoints with `c`.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '\u{ff0c}' | '\u{ff1b}' | '\u{3001}')
}

/// Returns the endpoint that `text` names, or a text that says what to write instead.
fn parse(text: &str) -> std::result::Result<Endpoint, String> {
    if text.is_empty() {
        return Err("it is empty; write host:port, for example 127.0.0.1:20200".into());
    }
    if text.contains(is_separator) {
        return Err(instead_of_list(text));
    }
    if text.contains(is_full_width) {
        return Err(format!("it has full-width characters; write {:?}", foreign(&in_usual_form(text))));
    }
    if text.len() > MAX_LEN {
        return Err(format!("it has {} bytes; write host:port, for example 127.0.0.1:20200", text.len()));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let rest = rest.split_once('/').map_or(rest, |(rest, _path)| rest);
        let (scheme, rest) = (foreign(scheme), foreign(rest));
        return Err(format!("leave out \"{scheme}://\" and write host:port, for example {rest:?}"));
    }
    if let Some((rest, _path)) = text.split_once('/') {
        return Err(format!("leave out the path and write host:port, for example {:?}", foreign(rest)));
    }
    let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed
            .split_once(']')
            .ok_or("the bracket is not closed; write [IPv6]:port, for example [::1]:20200")?;
        let port = rest.strip_prefix(':').ok_or_else(|| {
            let address = foreign(address);
            format!("the port is missing; write [{address}]:port, for example [{address}]:20200")
        })?;
        (ipv6(address)?, port)
    } else {
        let (host, port) = text.rsplit_once(':').ok_or_else(|| match name_or_ipv4(text) {
            Ok(_) => format!("the port is missing; write {text}:port, for example {text}:20200"),
            Err(why) => why,
        })?;
        if host.contains(':') {
            return Err("an IPv6 address goes in brackets; write [IPv6]:port, for example [::1]:20200".into());
        }
        (name_or_ipv4(host)?, port)
    };
    Ok(Endpoint { host, port: parse_port(port)? })
}

/// Returns what to write instead of a list, or of an endpoint with separators around it.
fn instead_of_list(text: &str) -> String {
    if let Some(joined) = without_blanks(text) {
        return format!("there are blanks in it; write {joined:?}");
    }
    // Enough for any chain's nodes; the text stays short for a long list.
    const MOST: usize = 8;
    let mut endpoints = endpoint_list(text).map(|endpoint| {
        let usual = in_usual_form(endpoint);
        format!("{:?}", foreign(&usual).limit(MAX_LEN))
    });
    let first: Vec<_> = endpoints.by_ref().take(MOST).collect();
    let more = if endpoints.next().is_some() { ", ..." } else { "" };
    match first.as_slice() {
        [] => "it has no host and port; write host:port, for example 127.0.0.1:20200".into(),
        [one] => format!("there are blanks or separators around it; write {one}"),
        several => format!("it is a list; pass each endpoint on its own: {}{more}", several.join(", ")),
    }
}

/// Returns the endpoint without blanks, if `text` is one that has them beside its colon and nowhere else.
fn without_blanks(text: &str) -> Option<String> {
    let mut parts = text.split_whitespace();
    let (host, port) = (parts.next()?, parts.next()?);
    let joined = format!("{host}{port}");
    let beside_colon = parts.next().is_none() && (host.ends_with(':') || port.starts_with(':'));
    // Without separators, so that the text is not taken for a list again.
    (beside_colon && !joined.contains(is_separator) && parse(&joined).is_ok()).then_some(joined)
}

/// Returns the text with ASCII characters in place of their full-width forms.
fn in_usual_form(text: &str) -> String {
    text.chars().map(usual_form).collect()
}

/// Returns whether `c` is a full-width form of an ASCII character.
fn is_full_width(c: char) -> bool {
    matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{3002}')
}

/// Returns the ASCII character of which `c` is the full-width form, or `c`.
fn usual_form(c: char) -> char {
    match c {
        '\u{3002}' => '.',
        // The block has the order of ASCII from the exclamation mark on.
        c if is_full_width(c) => char::from_u32(u32::from(c) - 0xff01 + u32::from('!')).unwrap_or(c),
        c => c,
    }
}

fn parse_port(text: &str) -> std::result::Result<u16, String> {
    if text.is_empty() {
        return Err("the port is missing after the colon; write for example :20200".into());
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(format!("invalid port {text:?}; write a number from 1 to 65535, for example 20200")),
    }
}

/// Returns the address in its shortest form, with its zone (`fe80::1%eth0`).
fn ipv6(text: &str) -> std::result::Result<String, String> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let parsed: Ipv6Addr = address
        .parse()
        .map_err(|_| format!("invalid IPv6 address {text:?}; write [IPv6]:port, for example [::1]:20200"))?;
    match zone {
        None => Ok(parsed.to_string()),
        Some(zone)
            if !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) =>
        {
            Ok(format!("{parsed}%{zone}"))
        }
        Some(zone) => Err(format!("invalid zone {zone:?}; write for example [fe80::1%eth0]:20200")),
    }
}

fn name_or_ipv4(text: &str) -> std::result::Result<String, String> {
    if text.is_empty() {
        return Err(
            "the host is missing before the colon; write host:port, for example 127.0.0.1:20200".into()
        );
    }
    if let Some(odd) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
        return Err(format!(
            "invalid character {odd:?} in a host name; write host:port, international names in their ASCII (xn--) form"
        ));
    }
    if text.len() > MAX_NAME_LEN {
        return Err(format!("the host name has {} bytes; at most {MAX_NAME_LEN} are allowed", text.len()));
    }
    let last = text.strip_suffix('.').unwrap_or(text).rsplit('.').next().unwrap_or_default();
    if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse::<Ipv4Addr>() {
            Ok(address) => Ok(address.to_string()),
            Err(_) => Err(format!(
                "invalid IPv4 address {text:?}; write four numbers from 0 to 255, as in 127.0.0.1"
            )),
        };
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, u16) {
        let endpoint: Endpoint = text.parse().unwrap();
        (endpoint.host().to_owned(), endpoint.port())
    }

    #[test]
    fn every_form_is_parsed_and_displayed() {
        assert_eq!(parts("127.0.0.1:20200"), ("127.0.0.1".into(), 20200));
        assert_eq!(parts("Node-0.Example.com:1"), ("node-0.example.com".into(), 1));
        assert_eq!(parts("[::1]:65535"), ("::1".into(), 65535));
        assert_eq!(parts("[2001:DB8:0:0::7]:20200"), ("2001:db8::7".into(), 20200));
        assert_eq!(parts("[fe80::1%eth0]:20200"), ("fe80::1%eth0".into(), 20200));
        for text in ["127.0.0.1:20200", "localhost:20200", "[::1]:20200", "[fe80::1%eth0]:9"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn error_of_a_long_endpoint_is_short() {
        let long = "a".repeat(1 << 20);
        let forms = [
            long.clone(),
            format!("{long}:20200"),
            format!("a:{long}"),
            format!("[{long}]:1"),
            format!("ws://{long}"),
            format!("{long}://a:1"),
            format!("{long} b:1"),
            "a:1,".repeat(1 << 18),
            long.replace('a', "\u{ff41}"),
        ];
        for text in forms {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.message().len() < 1000, "{} bytes", error.message().len());
        }
    }

    #[test]
    fn spellings_of_one_endpoint_are_equal() {
        let a: Endpoint = "LOCALHOST:20200".parse().unwrap();
        assert_eq!(a, "localhost:20200".parse().unwrap());
        let b: Endpoint = "[0:0::1]:20200".parse().unwrap();
        assert_eq!(b, "[::1]:20200".parse().unwrap());
        assert_ne!(a, "localhost:20201".parse().unwrap());
    }

    #[test]
    fn error_of_an_invalid_endpoint_shows_the_right_form() {
        let cases = [
            ("", "empty"),
            ("127.0.0.1", "port is missing"),
            ("localhost:", "port is missing"),
            ("localhost:0", "1 to 65535"),
            ("localhost:65536", "1 to 65535"),
            ("localhost:+80", "1 to 65535"),
            ("localhost:20200 ", "blanks or separators around it; write \"localhost:20200\""),
            ("127.0.0.1: 20200", "there are blanks in it; write \"127.0.0.1:20200\""),
            ("[::1] :1", "there are blanks in it; write \"[::1]:1\""),
            ("a:,1", "it is a list; pass each endpoint on its own: \"a:\", \"1\""),
            ("a;\u{3000}:1", "it is a list; pass each endpoint on its own: \"a\", \":1\""),
            ("a b:1", "pass each endpoint on its own: \"a\", \"b:1\""),
            ("a:1,b:2", "pass each endpoint on its own: \"a:1\", \"b:2\""),
            ("a:1; b:2", "pass each endpoint on its own: \"a:1\", \"b:2\""),
            ("a:1\u{ff0c}b:2\u{ff1b}c:3\u{3001}d:4", "own: \"a:1\", \"b:2\", \"c:3\", \"d:4\""),
            (",", "no host and port"),
            ("localhost\u{ff1a}\u{ff12}0200", "full-width characters; write \"localhost:20200\""),
            (":20200", "host is missing"),
            ("::1", "brackets"),
            ("::1:20200", "brackets"),
            ("2001:db8::7:20200", "brackets"),
            ("[::1]", "port is missing"),
            ("[::1", "not closed"),
            ("[127.0.0.1]:20200", "invalid IPv6 address"),
            ("[]:20200", "invalid IPv6 address"),
            ("[fe80::1%]:20200", "invalid zone"),
            ("http://127.0.0.1:20200", "leave out \"http://\""),
            ("wss://node/", "leave out \"wss://\""),
            ("127.0.0.1:20200/", "leave out the path and write host:port, for example \"127.0.0.1:20200\""),
            (
                "ws://127.0.0.1:20200/path?a=1",
                "leave out \"ws://\" and write host:port, for example \"127.0.0.1:20200\"",
            ),
            ("\u{1b}[2J", "invalid character '\\u{1b}'"),
            ("[\u{1b}[2J]", "write [\\u{1b}[2J]:port"),
            ("127.0.0.1\u{ff1a}20200\u{ff0c}b:2", "on its own: \"127.0.0.1:20200\", \"b:2\""),
            ("user@host:20200", "invalid character"),
            ("my host:20200", "pass each endpoint on its own"),
            ("knoten\u{e4}:20200", "xn--"),
            ("256.0.0.1:20200", "invalid IPv4 address"),
            ("1.2.3:20200", "invalid IPv4 address"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidEndpoint, "{text:?}");
            assert!(error.message().contains(expected), "{text:?} gave {:?}", error.message());
        }
    }
}
