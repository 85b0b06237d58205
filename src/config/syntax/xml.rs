//! Beans of Spring in XML, by `quick-xml`: what web3sdk is configured with.
//!
//! Each bean becomes a table of its properties, with its class under [`CLASS`]; beans without an id are named after
//! their class. References stay references. Documents with a DOCTYPE of their own entities are refused where they use one.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::config::tree::{Fault, Lines, MAX_DEPTH, Node, Table, Value};

/// The key under which the class of a bean is.
pub(in crate::config) const CLASS: &str = "class";

/// The key under which the argument of a bean's constructor is.
pub(in crate::config) const ARGUMENT: &str = "constructor-arg";

/// The greatest number of attributes of an element.
const MAX_ATTRIBUTES: usize = 100;

/// Returns a table of the beans.
pub(in crate::config) fn parse(text: &str) -> Result<Table, Fault> {
    let root = document(text)?;
    if root.name != "beans" {
        return Err((root.line, "its element is not <beans>".into()));
    }
    let mut table = Table::default();
    for element in root.children.into_iter().filter(|child| child.name == "bean") {
        add_bean(&mut table, element)?;
    }
    Ok(table)
}

/// An element with what it contains.
struct Element {
    name: String,
    line: usize,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    /// Takes an attribute.
    fn attribute(&mut self, name: &str) -> Option<String> {
        let (_, value) = self.attributes.iter_mut().find(|(key, _)| key == name)?;
        Some(std::mem::take(value))
    }
}

/// Returns the root element.
fn document(text: &str) -> Result<Element, Fault> {
    let lines = Lines::of(text);
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        // Blanks and comments are events of their own, so that an event begins on the line of its first character.
        let line = lines.at(at);
        let not_well_formed = |_| (line, "it is not well-formed XML at or after this line".to_owned());
        match reader
            .read_event()
            .map_err(|_| (line, "it is not well-formed XML at or after this line".to_owned()))?
        {
            Event::Start(start) => {
                if open.len() > MAX_DEPTH {
                    return Err((line, "elements are nested too deeply".into()));
                }
                open.push(element(&start, line)?);
            }
            Event::Empty(start) => {
                let element = element(&start, line)?;
                close(element, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let element = open.pop().ok_or((line, "an end without a start".to_owned()))?;
                close(element, &mut open, &mut root)?;
            }
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text.xml10_content());
                }
            }
            Event::CData(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                let Some(element) = open.last_mut() else { continue };
                match reference.resolve_char_ref().map_err(not_well_formed)? {
                    Some(c) => element.text.push(c),
                    None => match resolve_predefined_entity(&reference.xml10_content()) {
                        Some(text) => element.text.push_str(text),
                        None => {
                            return Err((
                                line,
                                "entities of a DOCTYPE are not supported: write the text".into(),
                            ));
                        }
                    },
                }
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    match (root, open.last()) {
        (_, Some(element)) => Err((element.line, "this element has no end".into())),
        (Some(root), None) => Ok(root),
        (None, None) => Err((1, "it has no element".into())),
    }
}

fn element(start: &BytesStart<'_>, line: usize) -> Result<Element, Fault> {
    let name = start.local_name().into_inner().to_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        // The crate compares each with all before it.
        if attributes.len() == MAX_ATTRIBUTES {
            return Err((line, format!("an element has more than {MAX_ATTRIBUTES} attributes")));
        }
        let attribute = attribute.map_err(|_| (line, "an attribute is not well-formed".to_owned()))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| (line, "an attribute is not well-formed".to_owned()))?;
        attributes.push((attribute.key.local_name().into_inner().to_owned(), value.into_owned()));
    }
    Ok(Element { name, line, attributes, children: Vec::new(), text: String::new() })
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), Fault> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return Err((element.line, "it has more than one element".into())),
    }
    Ok(())
}

fn add_bean(table: &mut Table, mut element: Element) -> Result<(), Fault> {
    let class = element.attribute("class").unwrap_or_default();
    let id = element.attribute("id").or_else(|| element.attribute("name"));
    let id = id.unwrap_or_else(|| class.rsplit('.').next().unwrap_or_default().to_owned());
    let line = element.line;
    let node = bean(class, element)?;
    table.insert(id, line, node)
}

fn bean(class: String, element: Element) -> Result<Node, Fault> {
    let line = element.line;
    let mut table = Table::default();
    table.push(CLASS.to_owned(), line, Node { line, value: Value::text(class) });
    for mut child in element.children {
        let key = match child.name.as_str() {
            "property" => child.attribute("name").unwrap_or_default(),
            "constructor-arg" => ARGUMENT.to_owned(),
            _ => continue,
        };
        let line = child.line;
        let node = holder(child)?;
        table.insert(key, line, node)?;
    }
    Ok(Node { line, value: Value::Table(table) })
}

/// Returns the value of an element that states one: by an attribute, or by an element in it.
fn holder(mut element: Element) -> Result<Node, Fault> {
    let line = element.line;
    if let Some(text) = element.attribute("value") {
        return Ok(Node { line, value: Value::text(text) });
    }
    if let Some(name) = element.attribute("ref").or_else(|| element.attribute("value-ref")) {
        return Ok(Node { line, value: Value::Reference(name) });
    }
    let mut children = element.children.into_iter().filter(|child| child.name != "description");
    match (children.next(), children.next()) {
        (Some(child), None) => value(child),
        (None, None) => Ok(Node { line, value: Value::text(element.text.trim()) }),
        _ => Err((line, "it has more than one value".into())),
    }
}

/// Returns the value that an element is.
fn value(mut element: Element) -> Result<Node, Fault> {
    let line = element.line;
    let value = match element.name.as_str() {
        "value" => Value::text(element.text.trim()),
        "null" => Value::Other("null"),
        "ref" => {
            let name = element.attribute("bean").or_else(|| element.attribute("local")).unwrap_or_default();
            Value::Reference(name)
        }
        "bean" => {
            let class = element.attribute("class").unwrap_or_default();
            return bean(class, element);
        }
        "list" | "set" | "array" => {
            Value::List(element.children.into_iter().map(value).collect::<Result<_, _>>()?)
        }
        "map" | "props" => {
            let mut table = Table::default();
            for mut child in element.children {
                let line = child.line;
                let Some(key) = child.attribute("key") else {
                    return Err((line, "an entry of a map needs the attribute key".into()));
                };
                let node = holder(child)?;
                table.insert(key, line, node)?;
            }
            Value::Table(table)
        }
        _ => return Err((line, "this kind of value is not supported".into())),
    };
    Ok(Node { line, value })
}
