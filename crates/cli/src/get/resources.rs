//! What a page of HTML needs: its images, scripts and styles, by their URLs.

use std::collections::HashSet;

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use http::Uri;

use crate::net::url;

/// The URLs of what a browser would fetch to show the page, each once, in the page's order. Those of
/// other schemes (`data:`) are left out, and so is what only styles and scripts know of.
pub(super) fn resources(page: &Uri, html: &[u8]) -> Vec<Uri> {
    let mut emitter = DefaultEmitter::<()>::default();
    // The text of a script or a style is no markup.
    emitter.naively_switch_states(true);
    let mut base = None;
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(Token::StartTag(tag)) = token else { continue };
        let from = base.as_ref().unwrap_or(page);
        if &**tag.name == b"base" && base.is_none() {
            base = attribute(&tag, b"href").and_then(|href| url::resolve(page, &href));
        } else if let Some(uri) = source(&tag).and_then(|source| url::resolve(from, &source))
            && seen.insert(uri.clone())
        {
            found.push(uri);
        }
    }
    found
}

/// The attribute of an element that names what is fetched for it.
fn source(tag: &StartTag<()>) -> Option<String> {
    let source = match &**tag.name {
        b"img" | b"script" | b"embed" | b"source" | b"track" => attribute(tag, b"src"),
        b"input" if attribute(tag, b"type").is_some_and(|kind| kind.eq_ignore_ascii_case("image")) => {
            attribute(tag, b"src")
        }
        b"video" => attribute(tag, b"poster"),
        b"link" if is_fetched(&attribute(tag, b"rel")?) => attribute(tag, b"href"),
        _ => None,
    };
    source.filter(|source| !source.trim().is_empty())
}

/// Whether a link of these relations is fetched with the page, and not only when it is followed.
fn is_fetched(relations: &str) -> bool {
    let mut relations = relations.split_ascii_whitespace();
    relations.any(|relation| {
        ["stylesheet", "icon", "preload", "modulepreload"].iter().any(|r| relation.eq_ignore_ascii_case(r))
    })
}

fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    tag.attributes.get(name).map(|value| String::from_utf8_lossy(&value.value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(html: &str) -> Vec<String> {
        let page = "http://h/a/page?q".parse().unwrap();
        resources(&page, html.as_bytes()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_browser_would_fetch() {
        let html = r#"<!doctype html>
            <link rel="Stylesheet" href=style.css><link rel="shortcut icon" href="/favicon.ico">
            <link rel=canonical href=/not><a href="/not">x</a><iframe src=/not></iframe>
            <script src="app.js?a=1&amp;b=2"></script><script>document.write('<img src=/not>')</script>
            <style>/* <img src=/not> */</style><!-- <img src=/not> -->
            <IMG SRC='one.png#x'><img src="//other:8080/two.png"><img src=one.png><img src=""><img alt=none>
            <img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><input type=image src=i.png><input src=/not>
            <video poster=p.jpg><source src=v.mp4></video>"#;
        let expected = [
            "http://h/a/style.css",
            "http://h/favicon.ico",
            "http://h/a/app.js?a=1&b=2",
            "http://h/a/one.png",
            "http://other:8080/two.png",
            "http://h/a/i.png",
            "http://h/a/p.jpg",
            "http://h/a/v.mp4",
        ];
        assert_eq!(found(html), expected);
    }

    #[test]
    fn the_first_base_counts_from_where_it_stands() {
        let html = "<img src=1><base href=/b/><img src=2><base href=/c/><img src=3>";
        assert_eq!(found(html), ["http://h/a/1", "http://h/b/2", "http://h/b/3"]);
    }

    #[test]
    fn what_is_no_html_names_nothing_and_does_no_harm() {
        for text in ["", "<img src=<<<\0<img", "\u{feff}{\"img\": 1}"] {
            assert!(found(text).is_empty(), "{text}");
        }
    }
}
