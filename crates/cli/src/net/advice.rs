//! What a person can do when no connection could be made.

/// By the words of the error: the causes below it have no types that could be asked.
pub(super) fn for_connect(error: &str) -> &'static str {
    let has = |words: &str| error.contains(words);
    if has("CaUsedAsEndEntity") {
        // What 'openssl req -x509' makes unless it is told otherwise.
        "the server shows the certificate of an authority as its own; make it one with \
         'openssl req -x509 ... -addext basicConstraints=critical,CA:FALSE'"
    } else if has("NotValidForName") || has("not valid for name") {
        "the server's certificate names other hosts; use one of them in the URL"
    } else if has("Expired") || has("expired") {
        "the server's certificate has expired; whoever runs the server must renew it"
    } else if has("ertificate") {
        "if you trust this server, give its certificate or its authority's with --cacert FILE"
    } else if has("InvalidContentType") {
        "this does not look like TLS; does the server want http:// there?"
    } else {
        "is the server running, and the URL right?"
    }
}
