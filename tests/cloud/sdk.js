// SPDX-License-Identifier: GPL-2.0-or-later
// What the official SDK for ECS knows of a call, from the models of its package.
//
//   node sdk.js NODE_MODULES names ACTION...        a line for each parameter, as in bake/cloud/parameters
//   node sdk.js NODE_MODULES check <REQUEST.json    exits with 1 for a name or a type that the model does not have
const sdk = require(process.argv[2] + '/@alicloud/ecs20140526');

// Calls each(name, type) for every leaf of a model; lists are counted by N.
function walk(model, prefix, each) {
    const names = model.names(), types = model.types();
    for (const key of Object.keys(names)) {
        const type = types[key];
        const inner = type && type.type === 'array' ? type.itemType : type;
        const name = prefix + names[key] + (inner !== type ? '.N' : '');
        if (typeof inner === 'function' && inner.names)
            walk(inner, name + '.', each);
        else
            each(name, inner);
    }
}

function known(action) {
    const types = new Map();
    walk(sdk[action + 'Request'], '', (name, type) => types.set(name, type));
    return types;
}

if (process.argv[3] === 'names') {
    for (const action of process.argv.slice(4))
        for (const name of [...known(action).keys()].sort())
            console.log(action, name);
} else {
    const { Action, Version, ...parameters } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
    const types = known(Action);
    const wrong = Object.entries(parameters).filter(([name, value]) => {
        const type = types.get(name.replace(/\.[0-9]+(?=\.|$)/g, '.N'));
        return !(type === 'string' || (type === 'number' && /^[0-9]+$/.test(value)) ||
            (type === 'boolean' && /^(true|false)$/.test(value)));
    });
    wrong.forEach(([name, value]) => console.log(`${Action}: ${name}=${value}`));
    process.exit(Version === '2014-05-26' && wrong.length === 0 ? 0 : 1);
}
