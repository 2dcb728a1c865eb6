# shellcheck shell=bash
# Chromium and Firefox without a window, each with a page of 30 images. The page's script judges what came and stores
# what it saw at /in/result.
# shellcheck disable=SC2154 # what lib.sh sets

make_page() {
    local n
    mkdir "$www/page"
    for n in {1..30}; do
        printf '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="9"><desc>%s</desc></svg>' "$n" \
            "$(head -c 2000 /dev/urandom | base64 -w 0)" >"$www/page/$n.svg"
    done
    for n in {1..9}; do head -c $(( n * 5000 )) /dev/urandom >"$www/page/$n.bin"; done
    cp "$clients/page.js" "$www/page/"
    (cd "$www/page" && sha256sum -- *.bin) >"$www/page/digests"
    {
        # Without the icon's line a browser asks for /favicon.ico.
        printf '<!DOCTYPE html>\n<title>images</title>\n<link rel="icon" href="data:,">\n<script src="page.js"></script>\n'
        for n in {1..30}; do printf '<img src="%d.svg" alt="%d">\n' "$n" "$n"; done
    } >"$www/page/index.html"
}

# Everything but loopback goes to a proxy that is not there.
client_chromium() {
    local program
    program=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { absent Chromium chromium; return; }
    spare=1 row "Chromium $(version_of "$program")" "a page of 30 images, fetch, an upload" 6 \
        browse "$program" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$tmp/chromium" \
        --no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-extensions \
        --proxy-server=127.0.0.1:9 @URL@/page/index.html
}

client_firefox() {
    local program
    program=$(command -v firefox-esr || command -v firefox) || { absent Firefox firefox; return; }
    mkdir "$tmp/firefox"
    cat >"$tmp/firefox/user.js" <<'JS'
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
JS
    spare=1 row "Firefox $(version_of "$program")" "a page of 30 images, fetch, an upload" 6 \
        browse "$program" --headless --no-remote --profile "$tmp/firefox" @URL@/page/index.html
}

version_of() { timeout 20 "$1" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9.]+' | head -n 1; }

# browse COMMAND…: until the page has stored its result, half a minute at most; then the browser is ended.
browse() {
    local browser found=1
    HOME=$tmp "$@" >&2 &
    browser=$!
    pids+=("$browser")
    for _ in {1..600}; do
        [[ ! -s $www/in/result ]] || { found=0; break; }
        kill -0 "$browser" 2>/dev/null || break
        sleep 0.05
    done
    kill "$browser" 2>/dev/null
    await gone "$browser" || kill -KILL "$browser"
    forget "$browser"
    cat "$www/in/result"
    return "$found"
}
