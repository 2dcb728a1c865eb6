//! Wrong use.

use std::fs;

use crate::support::tenure;

use super::{send_in, three};

#[test]
fn wrong_use_is_exit_code_2_and_says_what_to_do() {
    let dir = three();
    fs::write(dir.path().join("photo"), "no journal").unwrap();
    let to = "http://127.0.0.1:1/";
    for (args, says) in [
        (&[][..], "required"),
        (&["nope"], "there is no such file or folder"),
        (&["a", to], "--to takes the URL"),
        (&["a", "--to", to, "--journal", to], "this is a URL"),
        (&["a", "--to", to, "--wire", to], "this is a URL"),
        (&["a", "--to", "host/x"], "http://"),
        (&["a", "--to", "http://h/{nmae}"], "{name} and {path}"),
        (&["a", "--to", "http://u:p@h/"], "-u"),
        (&["a", "b", "--to", "http://h/x", "--method", "PUT"], "only one be left"),
        (&["a", "--to", to, "--method", "GET"], "POST"),
        (&["a", "--to", to, "-H", "no colon"], "Name: value"),
        (&["a", "--to", to, "-H", "Content-Length: 1"], "writes this field itself"),
        (&["a", "--to", to, "-u", "me"], "USER:PASSWORD"),
        (&["a", "--to", to, "--cacert", "missing"], "--cacert missing"),
        (&["a", "--to", to, "--cacert", "a"], "no certificate"),
        (&["a", "--to", to, "--connections", "0"], "1..=1000"),
        (&["a", "--to", to, "--journal", "photo"], "no journal of tenure send"),
        (&["a", "--to", to, "--form", "f", "--method", "PUT"], "--form"),
        (&["a", "--to", to, "--form", "f", "-H", "Content-Type: x/y"], "--form"),
        (&["a", "--to", to, "--compare"], "cannot be used with"),
        (&["a", "--journal", "j"], "--to"),
        (&["a", "--to", to, "--resend-unknown"], "--journal"),
        (&["-", "-", "--to", to], "only once"),
        (&["-", "--files-from", "-", "--to", to], "cannot be both"),
        (&["-", "--compare"], "only once"),
        (&["--files-from", "missing", "--to", to], "--files-from missing"),
        (&["a", "--to", to, "--wire", "missing/log"], "--wire missing/log"),
    ] {
        let ran = send_in(dir.path(), args).expect(2);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
    assert_eq!(fs::read(dir.path().join("photo")).unwrap(), b"no journal");
    tenure(["send", "--help"]).expect(0);
}
