//! Runs doctor with `--json` and parses its output.

use serde_json::Value;

use crate::amop::{Place, with_patience};

/// The findings of doctor.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    code: i32,
    checks: Vec<Value>,
    summary: Value,
}

impl Diagnosis {
    /// Checks `endpoint`, with the credentials found from the place's folder, or with the arguments `more`. The time limit
    /// is long, because nothing there is silent.
    pub(crate) fn of(place: &Place, endpoint: &str, more: &[&str]) -> Diagnosis {
        Diagnosis::within("60", place, endpoint, more)
    }

    /// Checks an endpoint that is silent at this step.
    pub(crate) fn of_silence(step: &str, place: &Place, endpoint: &str) -> Diagnosis {
        with_patience(|limit| {
            let diagnosis = Diagnosis::within(limit, place, endpoint, &[]);
            let found = |check: &Value| check["step"] == step || check["outcome"] == "ok";
            diagnosis.checks.iter().all(found).then_some(diagnosis)
        })
    }

    pub(crate) fn within(limit: &str, place: &Place, endpoint: &str, more: &[&str]) -> Diagnosis {
        let ended = place.run(&[&["doctor", endpoint, "--json", "--timeout", limit], more].concat());
        assert_eq!(ended.stderr, [""; 0]);
        let mut lines: Vec<Value> =
            ended.stdout.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = lines.pop().expect("there is a summary");
        assert_eq!(summary["event"], "summary", "{summary}");
        assert!(lines.iter().all(|line| line["event"] == "check"), "{lines:?}");
        Diagnosis { code: ended.code, checks: lines, summary }
    }

    /// Asserts that there is exactly one problem: at this step, with this exit code and name, and `seen` in its text.
    pub(crate) fn is(&self, step: &str, code: i32, finding: &str, seen: &str) {
        assert_eq!(self.summary["problems"], Value::from(vec![finding]), "{self:#?}");
        assert_eq!((self.code, &self.summary["works"]), (code, &Value::from(false)), "{self:#?}");
        self.has(step, "failed", finding, seen);
    }

    /// Asserts that there is only a note.
    pub(crate) fn works_with_note(&self, step: &str, finding: &str, seen: &str) {
        self.works();
        assert_eq!(self.summary["notes"], Value::from(vec![finding]), "{self:#?}");
        self.has(step, "note", finding, seen);
    }

    /// Asserts that there is no problem.
    pub(crate) fn works(&self) {
        assert_eq!(self.summary["problems"], Value::Array(vec![]), "{self:#?}");
        assert_eq!((self.code, &self.summary["works"]), (0, &Value::from(true)), "{self:#?}");
    }

    /// Asserts that the step succeeded, and that its text contains this.
    pub(crate) fn is_ok(&self, step: &str, text: &str) {
        let ok = self.checks.iter().find(|check| check["step"] == step && check["outcome"] == "ok");
        let ok = ok.unwrap_or_else(|| panic!("{step} isn't ok: {self:#?}"));
        assert!(ok["text"].as_str().unwrap().contains(text), "{text:?}: {self:#?}");
    }

    pub(crate) fn has_no_problem(&self) -> bool {
        self.summary["works"] == true
    }

    pub(crate) fn has_problem(&self, finding: &str) -> bool {
        self.summary["problems"] == Value::from(vec![finding])
    }

    /// Returns whether this is among the problems.
    pub(crate) fn finds(&self, finding: &str) -> bool {
        self.summary["problems"].as_array().unwrap().contains(&finding.into())
    }

    /// Asserts that the advice of a finding names this.
    pub(crate) fn advises(&self, finding: &str, part: &str) {
        let check = self.checks.iter().find(|check| check["finding"] == finding);
        let check = check.unwrap_or_else(|| panic!("{finding}: {self:#?}"));
        assert!(check["advice"].as_str().unwrap().contains(part), "{part:?}: {self:#?}");
    }

    pub(crate) fn has(&self, step: &str, outcome: &str, finding: &str, seen: &str) {
        let check = self.checks.iter().find(|check| check["finding"] == finding);
        let check = check.unwrap_or_else(|| panic!("{finding}: {self:#?}"));
        assert_eq!((&check["step"], &check["outcome"]), (&step.into(), &outcome.into()), "{self:#?}");
        assert!(check["text"].as_str().unwrap().contains(seen), "{seen:?}: {self:#?}");
        for part in ["headline", "advice"] {
            assert!(!check[part].as_str().unwrap().is_empty(), "{self:#?}");
        }
    }
}
