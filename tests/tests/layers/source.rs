//! Reads the source text of a crate: its modules, and the paths that each file names.
//!
//! This is not a Rust parser. It knows `use` statements, paths that begin with `crate`, `self`, `super` or a child
//! module, and re-exports, which it follows to the file that holds the item. Code under `#[cfg(test)]` is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// A module path without the leading `crate`; the crate's root is empty.
pub(crate) type Module = Vec<String>;

/// The modules of one crate.
#[derive(Debug)]
pub(crate) struct Crate {
    files: BTreeMap<Module, File>,
}

/// One file, which is one module.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the workspace.
    pub(crate) path: String,
    /// Identifiers and punctuation, without comments, literals and tests.
    pub(crate) tokens: Vec<String>,
    /// Paths that the file names, absolute.
    named: Vec<Module>,
    /// Names that the file re-exports, with the absolute path of each. A `*` has the name `*`.
    exported: Vec<(String, Module)>,
}

impl Crate {
    /// Reads all files in `root`, a folder of the workspace.
    pub(crate) fn read(workspace: &Path, root: &str) -> Crate {
        let mut texts = BTreeMap::new();
        for path in rust_files(&workspace.join(root)) {
            let inside = path.strip_prefix(workspace.join(root)).expect("found in there").with_extension("");
            let mut module: Module = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            // A crate that has both is a library, which its program calls by its outer name.
            if module.last().is_some_and(|name| name == "mod") || module == ["lib"] {
                module.pop();
            }
            let text = fs::read_to_string(&path).expect("source files can be read");
            let path = path.strip_prefix(workspace).expect("found in there").to_string_lossy().into_owned();
            texts.insert(module, (path, tokens(&text)));
        }
        let mut tests = BTreeSet::new();
        for (module, (_, tokens)) in &mut texts {
            for name in remove_tests(tokens) {
                tests.insert([module.as_slice(), &[name]].concat());
            }
        }
        texts.retain(|module, _| !(0..=module.len()).any(|end| tests.contains(&module[..end])));
        let modules: BTreeSet<Module> = texts.keys().cloned().collect();
        let files = texts.into_iter().map(|(module, (path, tokens))| {
            let file = File::new(path, tokens, &module, &modules);
            (module, file)
        });
        Crate { files: files.collect() }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// Returns the file of a module that [`Crate::named_modules`] returned.
    pub(crate) fn file_of(&self, module: &Module) -> &File {
        &self.files[module]
    }

    /// Returns the modules that hold what a file names.
    pub(crate) fn named_modules<'a>(&'a self, file: &'a File) -> impl Iterator<Item = Module> + 'a {
        file.named.iter().map(|path| self.holder(path, 0))
    }

    /// Follows re-exports to the module that holds an item.
    fn holder(&self, path: &[String], depth: usize) -> Module {
        let end = (0..=path.len()).rev().find(|end| self.files.contains_key(&path[..*end]));
        let (module, rest) = path.split_at(end.expect("the root is a module"));
        let Some((item, rest)) = rest.split_first().filter(|_| depth < 16) else { return module.to_vec() };
        let exported = &self.files[module].exported;
        if let Some((_, origin)) = exported.iter().find(|(name, _)| name == item) {
            return self.holder(&[origin.as_slice(), rest].concat(), depth + 1);
        }
        for (_, origin) in exported.iter().filter(|(name, _)| name == "*") {
            let origin = self.holder(origin, depth + 1);
            if self.files[&origin].declares(item) {
                return origin;
            }
        }
        module.to_vec()
    }
}

impl File {
    fn new(path: String, tokens: Vec<String>, module: &Module, modules: &BTreeSet<Module>) -> File {
        let absolute = |path: &[String]| absolute(path, module, modules);
        let (mut named, mut exported) = (Vec::new(), Vec::new());
        let mut body = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            // `use<'a>` is part of a type.
            if tokens[at] != "use" || tokens.get(at + 1).is_some_and(|next| next == "<") {
                body.push(tokens[at].clone());
                at += 1;
                continue;
            }
            let public = is_public(&tokens[..at]);
            let length = tokens[at..].iter().position(|token| token == ";").expect("a use ends");
            for (path, name) in use_tree(&tokens[at + 1..at + length]) {
                match absolute(&path) {
                    Some(path) if public => exported.push((name, path)),
                    Some(path) => named.push(path),
                    None => {}
                }
            }
            at += length + 1;
        }
        // A re-export alone is not a dependency: the file that uses it depends on its origin.
        let used = exported.iter().filter(|(name, _)| body.contains(name));
        named.extend(used.map(|(_, path)| path.clone()));
        named.extend(paths(&body).iter().filter_map(|path| absolute(path)));
        File { path, tokens, named, exported }
    }

    /// Returns whether the file may hold an item of this name.
    fn declares(&self, item: &str) -> bool {
        const KINDS: [&str; 8] = ["struct", "enum", "trait", "fn", "const", "static", "type", "macro_rules"];
        let is_kind = |token: &String| KINDS.contains(&token.as_str());
        self.tokens.windows(2).any(|pair| is_kind(&pair[0]) && pair[1] == item)
            || self.exported.iter().any(|(name, _)| name == item)
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("source folders can be read") {
        let path = entry.expect("source folders can be read").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Comments, literals, and what is left: the tokens.
const SYNTAX: [&str; 8] = [
    r"//[^\n]*",
    r"(?s:/\*.*?\*/)",
    r###"(?s:b?r##".*?"##)"###,
    r##"(?s:b?r#".*?"#)"##,
    r#"b?r"[^"]*""#,
    r#"[bc]?"(?:\\[\s\S]|[^"\\])*""#,
    r"b?'(?:\\.[^']*|[^\\'])'",
    r"(?P<token>::|\w+|\S)",
];

/// Splits source text into identifiers, `::` and single characters.
fn tokens(text: &str) -> Vec<String> {
    let syntax = Regex::new(&SYNTAX.join("|")).expect("the expression is valid");
    syntax
        .captures_iter(text)
        .filter_map(|captures| captures.name("token"))
        .map(|token| token.as_str().to_owned())
        .collect()
}

/// Removes items under `#[cfg(test)]`. Returns the names of those that are modules in files of their own.
fn remove_tests(tokens: &mut Vec<String>) -> Vec<String> {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut names = Vec::new();
    while let Some(start) = tokens.windows(ATTRIBUTE.len()).position(|window| window == ATTRIBUTE) {
        let mut end = start + ATTRIBUTE.len();
        let mut depth = 0;
        while let Some(token) = tokens.get(end) {
            end += 1;
            match token.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && (token == ";" || token == "}") {
                break;
            }
        }
        if let [.., module, name, semicolon] = &tokens[start..end]
            && module == "mod"
            && semicolon == ";"
        {
            names.push(name.clone());
        }
        tokens.drain(start..end);
    }
    names
}

/// Returns whether the item that follows is visible outside of its module.
fn is_public(before: &[String]) -> bool {
    match before {
        [.., token] if token == "pub" => true,
        [.., token] if token == ")" => {
            let open = before.iter().rposition(|token| token == "(");
            open.and_then(|open| before.get(open.checked_sub(1)?)).is_some_and(|token| token == "pub")
        }
        _ => false,
    }
}

/// Returns the paths of a `use` statement, each with the name that it brings into scope.
fn use_tree(tokens: &[String]) -> Vec<(Module, String)> {
    let Some(open) = tokens.iter().position(|token| token == "{") else {
        let (path, alias) = match tokens {
            [path @ .., keyword, alias] if keyword == "as" => (path, Some(alias)),
            path => (path, None),
        };
        let mut path: Module = path.iter().filter(|token| *token != "::").cloned().collect();
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = alias.or(path.last()).cloned().unwrap_or_default();
        path.retain(|part| part != "*");
        return vec![(path, name)];
    };
    let (prefix, group) = (&tokens[..open], &tokens[open + 1..tokens.len() - 1]);
    let mut depth = 0;
    let members = group.split(|token| {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        depth == 0 && token == ","
    });
    let whole = members.filter(|member| !member.is_empty()).map(|member| [prefix, member].concat());
    whole.flat_map(|tree| use_tree(&tree)).collect()
}

/// Returns the paths of more than one part in a file's code.
fn paths(tokens: &[String]) -> Vec<Module> {
    let mut paths: Vec<Module> = Vec::new();
    let mut continues = false;
    for (at, token) in tokens.iter().enumerate() {
        if token == "::" {
            continues = at > 0 && continues_path(&tokens[at - 1]);
        } else if continues_path(token) && continues {
            if let Some(path) = paths.last_mut() {
                path.push(token.clone());
            }
            continues = false;
        } else {
            continues = false;
            paths.push(vec![token.clone()]);
        }
    }
    paths.retain(|path| path.len() > 1);
    paths
}

fn continues_path(token: &str) -> bool {
    token.chars().all(|character| character.is_alphanumeric() || character == '_')
}

/// Returns the absolute form of a path that leads into the crate, else `None`.
fn absolute(path: &[String], module: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module.as_slice(), rest].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let above = &module[..module.len().checked_sub(ups)?];
            Some([above, &path[ups..]].concat())
        }
        child => {
            let child = [module.as_slice(), &[child.to_owned()]].concat();
            modules.contains(&child).then(|| [module.as_slice(), path].concat())
        }
    }
}
