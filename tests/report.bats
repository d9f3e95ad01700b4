#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The report of a bake and of `ccbake report`, as a file and in a browser, for a small guest with hostile names.
load helpers

setup_file() {
    use_file_directory
    small_guest base.qcow2
    printf '%s\n' '[Unit]' 'DefaultDependencies=no' >multi-user.target
    cat >hostile.sh <<'END'
mkdir -p "/etc/$(printf '<script>document.title="owned"</script>"\047&\377\033[2J')" \
    "/opt/<img src=x onerror=alert(1)>" "/etc/systemd/system/<b>\"x.service.d"
echo "<script>document.title='owned'</script>" >"/etc/<i>.conf"
dd if=/dev/zero of="/opt/<img src=x onerror=alert(1)>/f" bs=1000 count=70 2>/dev/null
printf '[Unit]\nAfter=nvidia-persistenced.service\n' >"/etc/systemd/system/<b>\"x.service.d/a.conf"
END
    cat >unit.yaml <<END
format: 1
name: unit
gpus: 8
$(base_key base.qcow2)
steps:
  - kernel-args: {set: ["swiotlb=1,any"]}
  - units:
      install: [multi-user.target, $TOP/overlays/units/8gpu/nvidia-persistenced.service]
      wait-for: [{unit: nvidia-persistenced.service, later: [later.service]}]
      enable: [nvidia-persistenced.service]
  - run: {commands: [[sh, -c, $(jq -Rs . <hostile.sh)]]}
END
    "$CCBAKE" bake --quiet --backend=host --no-verify unit.yaml
    cp unit.html baked.html
    local status=0
    "$CCBAKE" report --quiet --backend=host unit.qcow2 2>report.err || status=$?
    [[ $status == 8 ]] || fail "report: exit code $status" "$(cat report.err)"
}

setup() {
    use_file_directory
}

# browse FILE [OPTION...]: the file in a browser that has no network, with what goes to the console in browser.log and
# what was asked of the network in browser.json.
browse() {
    local file=$1
    shift
    timeout 60 unshare --net chromium --headless --no-sandbox --disable-gpu --hide-scrollbars \
        --user-data-dir="$BATS_TEST_TMPDIR/profile" --enable-logging=stderr --log-net-log="$BATS_TEST_TMPDIR/browser.json" \
        "$@" "file://$(realpath "$file")" 2>"$BATS_TEST_TMPDIR/browser.log"
}

# What the console says.
console() {
    grep CONSOLE "$BATS_TEST_TMPDIR/browser.log" || [[ $? == 1 ]]
}

# The URLs that the page asked for; the browser has some of its own, whose initiator is "not an origin".
requests() {
    jq -r '.constants.logEventTypes.URL_REQUEST_START_JOB as $start | .events[]
        | select(.type == $start) | .params | select(.url and .initiator != "not an origin") | .url' \
        "$BATS_TEST_TMPDIR/browser.json"
}

# measure FILE SCRIPT [OPTION...]: what the script sets document.title to, in a copy that lets it run.
measure() {
    local copy=$BATS_TEST_TMPDIR/copy.html
    { grep -v '^<meta http-equiv=' "$1" | sed '$d'; printf '<script>%s</script></html>\n' "$2"; } >"$copy"
    browse "$copy" --dump-dom "${@:3}" | sed -n 's|.*<title>\(.*\)</title>.*|\1|p'
}

well_formed() {
    python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$1"
}

page_has() {
    grep -qF -- "$1" "${2:-unit.html}" || fail "not in ${2:-unit.html}: $1"
}

@test "a bake writes a report beside the image, with what it knows" {
    well_formed baked.html
    page_has '<h1>unit.qcow2</h1>' baked.html
    page_has "<code>$(sha256sum <unit.qcow2 | cut -d' ' -f1)</code>" baked.html
    page_has '! NOT CHECKED' baked.html
    page_has '3 steps: 3 baked through the backend <code>host</code>' baked.html
    page_has 'The image was baked with <code>--no-verify</code>; <code>ccbake report</code> looks into it.' baked.html
    assert_equal "$(jq '[.steps[] | .layer_size > 0] | all' unit.json)" true
    assert_equal "$(jq -r '[.seconds.emit > 0, .seconds.verify, .seconds.all > .seconds.emit, .driver, .cuda] | tostring' unit.json)" \
        '[true,0,true,null,null]'
    [[ $(date -d "$(jq -r .baked unit.json)" +%s) -gt $(($(date +%s) - 3600)) ]] || fail "$(jq .baked unit.json)"
}

@test "a bake of the same leaves the report; one that replaces the image replaces it" {
    mkdir again && cd again || return 1
    bake() {
        run_ccbake bake --quiet --backend=host --no-verify ../unit.yaml "$@"
    }
    bake
    echo old >unit.html
    bake
    assert_equal "$(cat unit.html)" old
    run_ccbake 2 bake --backend=host --no-verify ../unit.yaml --from=units
    assert_equal "$(cat unit.html)" old
    bake --force --from=units
    page_has '2 baked through the backend <code>host</code>, 1 taken from the cache'
    well_formed unit.html
    rm -r "$BATS_FILE_TMPDIR/again"
}

@test "ccbake report has checks, picture, changes and digests" {
    well_formed unit.html
    grep -q '^ccbake: the image is not right: .*initramfs.drivers' report.err
    page_has '✗ FAIL</strong>'
    page_has '<code>kernel.minimum</code>'
    page_has '<text x='
    page_has '>nvidia-persistenced.service</text>'
    page_has '<code>swiotlb=1,any</code>'
    page_has '<span class="added">+After=nvidia-persistenced.service</span>'
    page_has "<code>$(sha256sum <base.qcow2 | cut -d' ' -f1)</code>"
    page_has '<h1>unit.qcow2</h1>'
}

@test "hostile names are shown and do nothing" {
    browse unit.html --dump-dom >dom.html
    page_has '<title>unit.qcow2: ccbake report</title>' dom.html
    [[ $(grep -ciE '<script|<img|<iframe|<object|<b>&quot;x|onerror="' dom.html) == 0 ]] || fail "$(grep -iE '<script|<img' dom.html)"
    page_has '&lt;script&gt;document.title="owned"&lt;/script&gt;"' dom.html
    page_has '\xff\x1b[2J' dom.html
    page_has '<code>/opt/&lt;img src=x onerror=alert(1)&gt;</code>' dom.html
    # systemd ignores a file of such a name, and so does the picture.
    [[ $(grep -cF '&lt;b&gt;"x.service</text>' dom.html) == 0 ]] || fail 'a unit whose name is none is in the picture'
    page_has "+&lt;script&gt;document.title='owned'&lt;/script&gt;" dom.html
}

@test "a browser has nothing to say to it, and asks nobody for anything" {
    local file
    for file in baked.html unit.html; do
        browse "$file" --dump-dom >dom.html
        page_has '<h2 id="sources-title">Sources</h2>' dom.html
        assert_equal "$(console)" ""
        assert_equal "$(requests)" ""
    done
    # That it would be seen:
    sed 's|<h1>|<img src="http://127.0.0.1:9/a.png"/><h1>|' unit.html >bad.html
    browse bad.html --dump-dom >/dev/null
    [[ $(console) == *"violates the following Content Security Policy"* ]] || fail "$(cat "$BATS_TEST_TMPDIR/browser.log")"
    grep -v '^<meta http-equiv=' bad.html >worse.html
    browse worse.html --dump-dom >/dev/null
    assert_equal "$(requests)" http://127.0.0.1:9/a.png
}

# width_of FILE WIDTH: what the page takes of a screen that is so wide.  A window can't be as narrow as a phone, but a
# frame can.
width_of() {
    measure "$1" 'document.querySelectorAll("details").forEach(d => d.open = true);
        document.title = innerWidth + " " + document.documentElement.scrollWidth' >/dev/null
    cat >"$BATS_TEST_TMPDIR/frame.html" <<END
<title></title><iframe style="border: 0" width="$2" height="700" src="copy.html"
    onload="document.title = contentDocument.title"></iframe>
END
    browse "$BATS_TEST_TMPDIR/frame.html" --dump-dom --allow-file-access-from-files --window-size=1400,800 |
        sed -n 's|.*<title>\(.*\)</title>.*|\1|p'
}

@test "a phone shows it without scrolling sideways, whatever the names" {
    assert_equal "$(width_of unit.html 360)" "360 360"
    assert_equal "$(width_of unit.html 1280)" "1280 1280"
    # That it would be seen:
    sed 's|<h1>|<h1 style="width: 400px">|' unit.html >wide.html
    assert_equal "$(width_of wide.html 360)" "360 416"
}

# Prints the lowest contrast between a text and its background, by WCAG 2.1; and the background of the page.
CONTRAST='
    const rgb = s => s.match(/[\d.]+/g).map(Number);
    const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
        if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
    document.querySelectorAll("details").forEach(d => d.open = true);
    let least = 99, where = "", n = 0;
    for (const e of document.body.querySelectorAll("*")) {
        if (["SCRIPT", "title"].includes(e.tagName) || ![...e.childNodes].some(c => c.nodeType == 3 && c.data.trim())) continue;
        const style = getComputedStyle(e), svg = e.namespaceURI.endsWith("svg");
        const [a, b] = [light(rgb(svg ? style.fill : style.color)), light(ground(e))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        n++;
        if (ratio < least) { least = ratio; where = e.tagName + "." + e.getAttribute("class"); }
    }
    document.title = [least >= 4.5 && n > 50 ? "legible" : least + " " + where + " " + n,
        light(ground(document.body)) > 0.5 ? "light" : "dark"].join(" ");'

@test "texts have a contrast of 4.5:1, by day and by night" {
    assert_equal "$(measure unit.html "$CONTRAST" --blink-settings=preferredColorScheme=1)" "legible light"
    assert_equal "$(measure unit.html "$CONTRAST" --blink-settings=preferredColorScheme=0)" "legible dark"
    assert_equal "$(measure baked.html "$CONTRAST" --blink-settings=preferredColorScheme=0)" "legible dark"
    # That it would be seen:
    sed 's/--quiet: #[0-9a-f]*/--quiet: #999999/' unit.html >pale.html
    [[ $(measure pale.html "$CONTRAST" --blink-settings=preferredColorScheme=1) == 2.* ]] || fail "a pale text is legible"
}

@test "on paper everything is there, also what is closed on the screen" {
    browse unit.html --no-pdf-header-footer --print-to-pdf=page.pdf
    pdftotext -layout page.pdf page.txt
    page_has 'kernel.minimum' page.txt
    page_has '/etc/systemd/system/later.service.d/10-ccbake-nvidia-persistenced.service.conf:3:' page.txt
    page_has 'GRUB Environment Block' page.txt
}

@test "an image without a manifest of its own gets what can be found out" {
    cp unit.qcow2 other.qcow2
    jq '.image.sha256 = "0" | .images[].sha256 = "0"' unit.json >other.json
    run_ccbake 8 report --backend=host other.qcow2 --base=base.qcow2 --output=elsewhere.html
    assert_contains "other.json is the manifest of another file than other.qcow2: the digests differ; it is ignored"
    [[ ! -e other.html ]] || fail "a report where none was asked for"
    page_has 'other.json is the manifest of another file' elsewhere.html
    page_has 'There is no manifest that says what this image was made from' elsewhere.html
    page_has '<dt>Kernel</dt><dd>5.10.134-18.al8.x86_64</dd>' elsewhere.html
    page_has '<code>swiotlb=1,any</code>' elsewhere.html
    rm other.json
    run_ccbake 8 report --quiet --backend=host other.qcow2
    page_has 'The base is not at hand' other.html
    well_formed other.html
    rm other.qcow2
}

@test "another base is compared with, and the report says that it is another" {
    cp base.qcow2 another.qcow2
    qemu-img amend -o compat=v3,lazy_refcounts=on another.qcow2
    run_ccbake 8 report --quiet --backend=host unit.qcow2 --base=another.qcow2 --output=another.html
    page_has 'another.qcow2, with which the image is compared, is not the base that it was baked from' another.html
}

@test "what can't be reported on is refused, and nothing is written" {
    run_ccbake 4 report --backend=host missing.qcow2
    assert_contains "image missing.qcow2: No such file or directory"
    cp unit.qcow2 x.html
    run_ccbake 2 report --backend=host x.html --output=x.html
    assert_contains "the report would replace x.html, which it reads"
    ln x.html link.html
    run_ccbake 2 report --backend=host x.html --output="$PWD/./link.html"
    run_ccbake 2 report --backend=host unit.qcow2 --base=x.html --output=link.html
    cmp unit.qcow2 x.html
    run_ccbake 4 report --backend=host unit.qcow2 --base=missing.qcow2 --output=none.html
    [[ ! -e none.html && ! -e missing.html ]] || fail "a report of nothing"
    run_ccbake 2 bake --backend=host unit.yaml --output=y.html
    assert_contains ".json, .log and .html are for manifest, log and report"
}

@test "an image that fails its checks leaves a report of why, and no report of an image" {
    local failed
    mkdir failing && cd failing || return 1
    run_ccbake 8 bake --quiet --backend=host ../unit.yaml --keep-failed --json=c.json --tap=c.tap --junit=c.xml
    assert_contains "hint: nothing was published; the report is unit.failed.html, and the log unit.log; the image is unit.failed.qcow2"
    assert_contains "FAIL cloud-init.present"
    assert_contains "     remedy: "
    [[ ! -e unit.html && ! -e unit.qcow2 && ! -e unit.json ]] || fail "something was published"
    qemu-img check -q unit.failed.qcow2
    assert_equal "$(grep -c '^not ok [0-9]* - [^#]*$' c.tap)" "$(jq '.counts.failed + .counts.unreadable' c.json)"
    [[ $(grep -c '<failure' c.xml) -ge 1 ]] || fail "no failure in the JUnit file"
    well_formed unit.failed.html
    page_has 'The image was not published.' unit.failed.html
    page_has '<b>Remedy:</b>' unit.failed.html
    page_has '<code>swiotlb=1,any</code>' unit.failed.html
    page_has '<text x=' unit.failed.html
    failed=$(grep '^ccbake: ' <<<"$output")
    run_ccbake bake --quiet --backend=host --no-verify ../unit.yaml
    # The manifest keeps what the recipe asks for: the verdict is the same without it.
    run_ccbake 8 report --quiet --backend=host unit.qcow2 --output=later.html
    assert_equal "$output" "$failed"
    [[ -e unit.html && ! -e unit.failed.html ]] || fail "the report of the one before is still there"
}

@test "verify takes from the manifest what is expected, where it is this file's" {
    run_ccbake 8 verify --backend=host unit.qcow2
    assert_contains $'\nexpected  by the manifest unit.json (recipe unit)\n'
    assert_row "N/A units.enabled" "no driver is asked for"
    [[ $output != *"Assuming 1 GPU"* ]] || fail "$output"
    run_ccbake 8 verify --backend=host --no-manifest unit.qcow2
    assert_contains $'\nAssuming 1 GPU: one of the three marks of an 8-GPU image was found.\n'
    cp unit.qcow2 copied.qcow2
    jq '.image.sha256 = "0" | .images[].sha256 = "0"' unit.json >copied.json
    run_ccbake 8 verify --backend=host copied.qcow2
    assert_contains "warning: copied.json is the manifest of another file than copied.qcow2: the digests differ; it is ignored"
    assert_contains "Assuming 1 GPU"
}

@test "verify --quiet prints only what does not pass" {
    run_ccbake 8 verify --quiet --backend=host unit.qcow2
    assert_row "FAIL import.size" ""
    [[ $output != *PASS* && $output != *N/A* && $output != *expected\ \ by* && $output != *"verify  "* ]] || fail "$output"
    [[ $output =~ [0-9]+\ passed,\ [0-9]+\ failed ]] || fail "$output"
    assert_contains $'\nccbake: the image is not right'
}

@test "the page and the manifest have the files that went in, the recipe, and who baked" {
    mkdir origin && cd origin || return 1
    git init -q .
    mkdir -p tree/etc/acme
    echo x >tree/etc/acme/x
    chmod -R u=rwX,go=rX tree
    sed 's|base.qcow2|../base.qcow2|; s|^  - kernel-args.*|&\n  - overlay: {source: tree}|' ../unit.yaml >unit.yaml
    cp ../multi-user.target .
    git add . && git -c user.name=n -c user.email=e commit -qm m
    run_ccbake bake --quiet --backend=host --no-verify unit.yaml
    assert_equal "$(jq -r '.files[] | select(.path == "/etc/acme/x") | [.step, .source, .mode, .sha256] | join(" ")' unit.json)" \
        "overlay tree/etc/acme/x 0644 $(sha256sum <tree/etc/acme/x | cut -d' ' -f1)"
    assert_equal "$(jq -r '.recipe.git | "\(.commit) \(.changed)"' unit.json)" "$(git rev-parse HEAD) false"
    assert_equal "$(jq -r .baked_by unit.json)" "${SUDO_USER:-$(id -un)}@$(hostname)"
    assert_equal "$(jq -r '.packages == (.packages | sort)' unit.json)" true
    well_formed unit.html
    page_has '<a href="./unit.json">manifest</a>'
    page_has '<a href="./unit.log">log of the bake</a>'
    page_has "git $(git rev-parse HEAD | cut -c1-12)"
    page_has 'from <code>tree/etc/acme/x</code>'
    page_has '&quot;overlay&quot;: {'
    page_has 'Commands of the image ran on the kernel of the host'
    page_has 'No check was run.'
}

@test "a report compares with the previous release, by its manifest or by its image" {
    # The image of the test before is a release with one more file.
    run_ccbake 8 report --quiet --backend=host origin/unit.qcow2 --against=unit.json
    page_has 'Since the previous release' origin/unit.html
    page_has '</span><code>/etc/acme/x</code> <small>0644, 0:0, ' origin/unit.html
    page_has '</span><code>overlay</code> <small>overlay, lay tree over /</small>' origin/unit.html
    page_has 'Compared with the base, which has' origin/unit.html
    well_formed origin/unit.html
    run_ccbake 8 report --quiet --backend=host origin/unit.qcow2 --against=unit.qcow2 --output=against.html
    page_has 'Compared with the previous release, which has' against.html
    page_has '</span><code>/etc/acme/x</code> <small>file 0644 0:0</small>' against.html
    page_has 'Since the previous release' against.html
    if grep -q '</span><code>swiotlb=1,any</code>' against.html; then fail "it compares with the base, too"; fi
    run_ccbake 2 report --backend=host unit.qcow2 --against=unit.qcow2 --base=base.qcow2
    run_ccbake 2 report --backend=host unit.qcow2 --against=unit.json --output=unit.json
    echo '{}' >none.json
    run_ccbake 4 report --backend=host unit.qcow2 --against=none.json
    assert_contains "none.json is not the manifest of an image"
}
