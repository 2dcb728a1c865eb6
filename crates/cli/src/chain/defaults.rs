//! The idle timeouts that well-known programs have if nobody sets them, each with its source.

use super::limit::Limit;

/// A program, and what it does with idle connections by default.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Product {
    /// The word for it in `NAME=PRODUCT`.
    pub(super) name: &'static str,
    /// Its name in full.
    pub(super) title: &'static str,
    /// As a server: how long it keeps a connection that its client leaves idle.
    pub(super) keeps: Option<Default>,
    /// As a client: how long it may use an idle connection again.
    pub(super) reuses: Option<Default>,
    /// As a server: what it announces as `Keep-Alive: timeout`, in seconds.
    pub(super) announces: Option<u64>,
    /// As a client: what it makes of the time that a server announces.
    pub(super) heeds: Heeds,
}

/// What a client makes of `Keep-Alive: timeout`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heeds {
    /// It does not look at it.
    No,
    /// It counts if it is shorter than the client's own time.
    IfShorter,
    /// It counts in place of the client's own time, less so many seconds.
    Instead { less: u64 },
}

/// One timeout.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Default {
    pub(super) limit: Limit,
    /// What sets it; `None` if nothing does.
    pub(super) setting: Option<&'static str>,
    /// Where it is written.
    pub(super) source: &'static str,
}

/// How many connections to one host a client opens.
pub(super) const CONNECTIONS: &[(&str, u8, &str)] = &[
    (
        "the advice of 1999, which browsers of that time followed",
        2,
        "https://www.rfc-editor.org/rfc/rfc2616#section-8.1.4",
    ),
    ("Chrome", 6, "https://source.chromium.org/chromium/chromium/src/+/main:net/socket/client_socket_pool_manager.cc"),
    ("Firefox", 6, "https://searchfox.org/mozilla-central/source/modules/libpref/init/all.js"),
];

/// The product of that name.
pub(super) fn find(name: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.name == name)
}

const fn after(seconds: u64, setting: &'static str, source: &'static str) -> Option<Default> {
    Some(Default { limit: Limit::seconds(seconds), setting: Some(setting), source })
}

const fn fixed(seconds: u64, source: &'static str) -> Option<Default> {
    Some(Default { limit: Limit::seconds(seconds), setting: None, source })
}

const fn endless(setting: Option<&'static str>, source: &'static str) -> Option<Default> {
    Some(Default { limit: Limit::Endless, setting, source })
}

const fn client(name: &'static str, title: &'static str, reuses: Option<Default>) -> Product {
    Product { name, title, keeps: None, reuses, announces: None, heeds: Heeds::No }
}

const fn server(name: &'static str, title: &'static str, keeps: Option<Default>) -> Product {
    Product { name, title, keeps, reuses: None, announces: None, heeds: Heeds::No }
}

const fn proxy(name: &'static str, title: &'static str, keeps: Option<Default>, reuses: Option<Default>) -> Product {
    Product { name, title, keeps, reuses, announces: None, heeds: Heeds::No }
}

impl Product {
    /// A client that obeys `Keep-Alive: timeout`.
    const fn heeding(mut self, how: Heeds) -> Self {
        self.heeds = how;
        self
    }

    /// A server that announces this as `Keep-Alive: timeout`.
    const fn announcing(mut self, seconds: u64) -> Self {
        self.announces = Some(seconds);
        self
    }
}

const ENVOY: &str = "https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts";
const ALB: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html";
const GCP: &str = "https://cloud.google.com/load-balancing/docs/https/request-distribution";
const TENURE: &str = "https://github.com/tenure-http/tenure/blob/main/docs/timeouts.md";

/// Clients, then what stands in between, then servers; by name.
pub(super) const PRODUCTS: &[Product] = &[
    client(
        "aiohttp",
        "Python aiohttp, client",
        after(15, "TCPConnector(keepalive_timeout=SECONDS)", "https://docs.aiohttp.org/en/stable/client_reference.html"),
    ),
    client(
        "chrome",
        "Chrome",
        fixed(300, "https://source.chromium.org/chromium/chromium/src/+/main:net/socket/client_socket_pool.h"),
    ),
    client("curl", "curl", after(118, "CURLOPT_MAXAGE_CONN", "https://curl.se/libcurl/c/CURLOPT_MAXAGE_CONN.html")),
    client(
        "dotnet",
        ".NET HttpClient",
        after(
            60,
            "SocketsHttpHandler.PooledConnectionIdleTimeout",
            "https://learn.microsoft.com/dotnet/api/system.net.http.socketshttphandler.pooledconnectionidletimeout",
        ),
    ),
    client(
        "firefox",
        "Firefox",
        after(
            115,
            "network.http.keep-alive.timeout",
            "https://searchfox.org/mozilla-central/source/modules/libpref/init/all.js",
        ),
    ),
    client("go-client", "Go net/http, client", after(90, "Transport.IdleConnTimeout", "https://pkg.go.dev/net/http#DefaultTransport")),
    client(
        "httpclient5",
        "Apache HttpClient 5",
        after(
            180,
            "RequestConfig.Builder.setConnectionKeepAlive",
            "https://github.com/apache/httpcomponents-client/blob/master/httpclient5/src/main/java/org/apache/hc/client5/http/config/RequestConfig.java",
        ),
    )
    .heeding(Heeds::Instead { less: 0 }),
    client("httpurlconnection", "Java HttpURLConnection", after(
        5,
        "-Dhttp.keepAlive.time.server=SECONDS",
        "https://github.com/openjdk/jdk/blob/master/src/java.base/share/classes/sun/net/www/http/KeepAliveCache.java",
    ))
    .heeding(Heeds::Instead { less: 0 }),
    client("httpx", "Python httpx", after(5, "Limits(keepalive_expiry=SECONDS)", "https://www.python-httpx.org/advanced/resource-limits/")),
    client(
        "hyper",
        "hyper-util, client",
        after(90, "Builder::pool_idle_timeout", "https://docs.rs/hyper-util/latest/hyper_util/client/legacy/struct.Builder.html"),
    ),
    client(
        "ie",
        "Internet Explorer",
        after(60, "KeepAliveTimeout in the registry", "https://support.microsoft.com/kb/813827"),
    ),
    client(
        "java-http",
        "Java java.net.http, from 20 on",
        after(
            30,
            "-Djdk.httpclient.keepalive.timeout=SECONDS",
            "https://docs.oracle.com/en/java/javase/21/docs/api/java.net.http/module-summary.html",
        ),
    ),
    client(
        "java-http-19",
        "Java java.net.http, to 19",
        after(1200, "-Djdk.httpclient.keepalive.timeout=SECONDS", "https://bugs.openjdk.org/browse/JDK-8297030"),
    ),
    client(
        "okhttp",
        "OkHttp",
        after(300, "ConnectionPool", "https://square.github.io/okhttp/5.x/okhttp/okhttp3/-connection-pool/"),
    ),
    client(
        "requests",
        "Python requests and urllib3",
        endless(None, "https://github.com/urllib3/urllib3/blob/main/src/urllib3/connectionpool.py"),
    ),
    client(
        "reqwest",
        "reqwest",
        after(90, "ClientBuilder::pool_idle_timeout", "https://docs.rs/reqwest/latest/reqwest/struct.ClientBuilder.html"),
    ),
    client("tenure", "tenure, client", after(90, "Builder::idle_timeout", TENURE)).heeding(Heeds::IfShorter),
    client(
        "undici",
        "Node fetch (undici)",
        after(4, "new Agent({ keepAliveTimeout: MILLISECONDS })", "https://github.com/nodejs/undici/blob/main/docs/docs/api/Client.md"),
    )
    .heeding(Heeds::Instead { less: 1 }),
    proxy("alb", "AWS Application Load Balancer", after(60, "idle_timeout.timeout_seconds", ALB), after(60, "idle_timeout.timeout_seconds", ALB)),
    proxy(
        "envoy",
        "Envoy",
        after(3600, "common_http_protocol_options.idle_timeout of the HTTP connection manager", ENVOY),
        after(3600, "common_http_protocol_options.idle_timeout of the cluster", ENVOY),
    ),
    proxy("gcp-lb", "Google Cloud global external Application Load Balancer", after(610, "httpKeepAliveTimeoutSec", GCP), fixed(600, GCP)),
    proxy(
        "nginx",
        "nginx",
        after(75, "keepalive_timeout of http or server", "https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_timeout"),
        after(60, "keepalive_timeout of upstream", "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout"),
    ),
    server(
        "apache",
        "Apache httpd 2.4",
        after(5, "KeepAliveTimeout", "https://httpd.apache.org/docs/2.4/mod/core.html#keepalivetimeout"),
    ),
    server(
        "apache-2.0",
        "Apache httpd 2.0",
        after(15, "KeepAliveTimeout", "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/4/html/reference_guide/s2-apache-keepalivetimeout"),
    ),
    server("go", "Go net/http, server", endless(Some("Server.IdleTimeout"), "https://pkg.go.dev/net/http#Server")),
    server("gunicorn", "gunicorn", after(2, "--keep-alive SECONDS", "https://docs.gunicorn.org/en/stable/settings.html#keepalive")),
    server(
        "kestrel",
        "ASP.NET Core Kestrel",
        after(
            130,
            "KestrelServerLimits.KeepAliveTimeout",
            "https://github.com/dotnet/aspnetcore/blob/main/src/Servers/Kestrel/Core/src/KestrelServerLimits.cs",
        ),
    ),
    server("node", "Node http.Server", after(5, "server.keepAliveTimeout", "https://nodejs.org/api/http.html#serverkeepalivetimeout"))
        .announcing(5),
    server("puma", "Puma 7", after(65, "persistent_timeout", "https://github.com/puma/puma/blob/main/lib/puma/configuration.rb")),
    server("tenure-serve", "tenure serve", after(80, "--idle-timeout SECONDS, plus 5 s of grace", TENURE)).announcing(75),
    server(
        "tomcat",
        "Tomcat, as its server.xml sets it",
        after(20, "keepAliveTimeout of the Connector", "https://github.com/apache/tomcat/blob/main/conf/server.xml"),
    ),
    server(
        "tomcat-embedded",
        "Tomcat, embedded",
        after(60, "keepAliveTimeout of the Connector", "https://tomcat.apache.org/tomcat-10.1-doc/config/http.html"),
    ),
    server(
        "traefik",
        "Traefik, to its clients",
        after(180, "respondingTimeouts.idleTimeout", "https://doc.traefik.io/traefik/routing/entrypoints/"),
    ),
    server(
        "uvicorn",
        "uvicorn",
        after(5, "--timeout-keep-alive SECONDS", "https://www.uvicorn.org/settings/#timeouts"),
    ),
];
