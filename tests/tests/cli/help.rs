//! Help, version, completions and manual pages, which share one description of the command line.

use crate::amop::Place;

const VERBS: &[&str] = &[
    "broadcast",
    "completions",
    "config",
    "demo",
    "devnet",
    "doctor",
    "keys",
    "man",
    "publish",
    "serve",
    "stats",
    "subscribe",
];

#[test]
fn every_verb_has_help_with_examples() {
    let place = Place::empty();
    let overview = place.run(&["--help"]);
    assert_eq!(overview.code, 0);
    for verb in VERBS {
        assert!(overview.stdout.iter().any(|line| line.starts_with(&format!("  {verb} "))), "{verb}");
        let help = place.run(&[verb, "--help"]);
        assert_eq!(help.code, 0, "{verb}");
        let begin =
            help.stdout.iter().position(|line| line == "Examples:").unwrap_or_else(|| panic!("{verb}"));
        assert!(help.stdout[begin + 1].contains(&format!("amop {verb}")), "{verb}");
    }
    let text = overview.stdout.join("\n");
    assert!(text.contains("Exit codes:") && text.contains("  130  Ctrl-C"), "{text}");
}

#[test]
fn version_lists_what_is_built_in() {
    let place = Place::empty();
    let short = place.run(&["-V"]).stdout;
    assert_eq!(short, [format!("amop {}", env!("CARGO_PKG_VERSION"))]);
    let long = place.run(&["--version"]).stdout;
    assert_eq!(long[0], short[0]);
    for part in ["generations:", "TLS:", "embedded nodes:"] {
        assert!(long.iter().any(|line| line.starts_with(part)), "{part}: {long:?}");
    }
}

#[test]
fn completions_cover_every_verb() {
    let place = Place::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = place.run(&["completions", shell]);
        assert_eq!((ended.code, ended.stderr), (0, vec![]), "{shell}");
        let script = ended.stdout.join("\n");
        for verb in VERBS {
            assert!(script.contains(verb), "{shell}: {verb}");
        }
    }
    // bash itself parses them.
    let script = place.run(&["completions", "bash"]).stdout.join("\n") + "\ncomplete -p amop\n";
    let bash = amop_tests::program::Program::start_with("bash", &[], place.folder(), script.as_bytes()).end();
    assert_eq!((bash.code, bash.stderr), (0, vec![]));
    assert!(bash.stdout[0].ends_with(" amop"), "{:?}", bash.stdout);
}

#[test]
fn man_writes_pages_for_command_and_verbs() {
    let place = Place::empty();
    let page = place.run(&["man"]).stdout.join("\n");
    assert!(page.contains(".TH amop 1"), "{page}");
    assert_eq!(place.run(&["man", "--dir", "man1"]).code, 0);
    let mut pages: Vec<_> = std::fs::read_dir(place.folder().join("man1"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let expected: Vec<_> =
        ["amop.1".to_owned()].into_iter().chain(VERBS.iter().map(|verb| format!("amop-{verb}.1"))).collect();
    let nested = ["config-import", "config-show", "keys-convert", "keys-new", "keys-show"];
    let nested = nested.map(|verbs| format!("amop-{verbs}.1"));
    let named: Vec<_> = pages.into_iter().filter(|page| !page.contains("help")).collect();
    let mut expected = [expected, nested.to_vec()].concat();
    expected.sort();
    assert_eq!(named, expected);
    let publish = std::fs::read_to_string(place.folder().join("man1/amop-publish.1")).unwrap();
    assert!(publish.contains("wait") && publish.contains("Examples:"));
}
