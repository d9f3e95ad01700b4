# SPDX-License-Identifier: GPL-2.0-or-later
# The table for people, from bench.json.

def pad($width): . + " " * ([$width - length, 0] | max);
def round_to($unit): . * $unit | round / $unit;
def quantity($unit):
    if . == null then "-"
    elif $unit == "B" then "\(. / 1e6 | round_to(10)) MB"
    else "\(if . < 10 then round_to(100) else round_to(10) end) s"
    end;
def formed($form):
    if . == null then "-"
    elif $form == "share" then "\(. * 100 | round_to(10)) %"
    elif $form == "x faster" or $form == "x" then "\(round_to(100))\($form)"
    else "\(round_to(100)) \($form)"
    end;
def aim: if .aim == null then "" else .form as $form | "\(.aim.op) \(.aim.limit | formed($form))" end;
def reached: if .reached == null then "" elif .reached then "reached" else "MISSED" end;

. as $bench
| ([["what", "ccbake", "against", "", "ratio", "aimed at", ""]]
    + [.rows[] | [.what, (.unit as $unit | .ccbake | quantity($unit)), .against,
        (if .against == "" then "" else .unit as $unit | .other | quantity($unit) end),
        (.form as $form | .ratio | formed($form)), aim, reached]]) as $lines
| ([range(7)] | map(. as $i | [$lines[][$i] | length] | max)) as $widths
| ($lines[] | [. as $line | range(7) | . as $i | $line[$i] | pad($widths[$i])] | join("  ") | sub(" +$"; "")),
  "",
  "\(.machine.cores) cores, \(.machine.cpu), kernel \(.machine.kernel), KVM \(.machine.kvm | sub(" \\(.*"; "")), ccbake's backend: \(.machine.backend)",
  "peer: virt-customize, virt-sparsify --in-place, qemu-img convert -c; without verification, unless said.",
  "cold: \(.cold).",
  "Medians of \(.runs_wanted)" + (
    [.runs | to_entries[] | select((.value | length) < $bench.runs_wanted and (.key | test("size|cells") | not))
        | "\(.key): \(.value | length)"] | if length == 0 then "." else "; fewer, because a run takes over 10 minutes: \(join(", "))." end)
