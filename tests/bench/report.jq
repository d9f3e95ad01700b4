# SPDX-License-Identifier: GPL-2.0-or-later
# bench.json from the lines "KEY NUMBER" that `run` wrote. $machine: an object; $wanted: runs of each, where they are
# not too long.

def median:
    if . == null then null
    else sort | (length / 2 | floor) as $half
        | if length % 2 == 1 then .[$half] else (.[$half - 1] + .[$half]) / 2 end
    end;

# null where a part was left out
def ratio($a; $b): if $a == null or $b == null then null else $a / $b end;

def reached($number; $op; $limit):
    if $number == null or $limit == null then null
    elif $op == ">=" then $number >= $limit
    elif $op == "<=" then $number <= $limit
    else $number < $limit
    end;

# One line of the table: `ours` and `theirs` in `unit`, `ratio` as `form` has it, and what it should be.
def row($what; $ours; $against; $theirs; $unit; $number; $form; $op; $limit):
    {what: $what, ccbake: $ours, against: $against, other: $theirs, unit: $unit, ratio: $number, form: $form,
     aim: (if $limit == null then null else {op: $op, limit: $limit} end),
     reached: reached($number; $op; $limit)};

(reduce (inputs | split(" ")) as [$key, $number] ({}; .[$key] += [$number | tonumber])) as $runs
| ($runs | map_values(median)) as $m
| (if $m["floor-commands"] then $m["floor-commands"] + $m["floor-convert"] else null end) as $floor
| (if $m.cells then $m.cells * $m.cold else null end) as $singly
# The largest of any bake: with verification libguestfs is inside ccbake's process.
| ([$runs | to_entries[] | select(.key | endswith("-peak")) | .value[]] | max) as $peak
| {
    machine: $machine,
    cold: "the cache has no layers and no compiled modules; downloads are in the store, base and KVM are known",
    runs_wanted: $wanted,
    runs: $runs,
    medians: $m,
    rows: [
        row("1 bake, cold"; $m.cold; "peer"; $m.peer; "s"; ratio($m.peer; $m.cold); "x faster"; ">="; 12),
        row("  with verification"; $m.verified; "peer, without"; $m.peer; "s"; ratio($m.peer; $m.verified); "x faster";
            null; null),
        row("2 a file of the overlay changed"; $m.changed; "peer, all again"; $m.peer; "s";
            ratio($m.peer; $m.changed); "x faster"; ">="; 50),
        row("  share of its own cold bake"; $m.changed; "cold"; $m.cold; "s"; ratio($m.changed; $m.cold); "share";
            "<="; 0.15),
        row("3 nothing changed"; $m.unchanged; ""; null; "s"; $m.unchanged; "s"; "<"; 1),
        row("4 matrix of \($m.cells // "-")"; $m.matrix; "cold"; $m.cold; "s"; ratio($m.matrix; $m.cold); "x";
            "<="; (if $m.cells == 8 then 3 else null end)),
        row("  one by one"; $m.matrix; "\($m.cells // "-") x cold"; $singly; "s"; ratio($singly; $m.matrix); "x faster";
            null; null),
        row("5 bake, cold"; $m.cold; "floor"; $floor; "s"; ratio($m.cold; $floor); "x"; "<="; 1.3),
        row("6 size of the image"; $m["cold-size"]; "peer"; $m["peer-size"]; "B"; ratio($m["cold-size"]; $m["peer-size"]);
            "x"; "<="; 1),
        row("  peak memory of a ccbake process"; $peak * 1024; ""; null; "B"; $peak * 1024 / 1e6; "MB"; "<"; 100),
        row("7 writing the image"; $m.emit; "convert -c"; $m.convert; "s"; ratio($m.convert; $m.emit); "x faster";
            ">="; 5),
        row("  its size"; $m["emit-size"]; "convert -c"; $m["convert-size"]; "B";
            ratio($m["emit-size"]; $m["convert-size"]); "x"; "<="; 1.05)
    ]
}
