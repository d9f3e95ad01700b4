// SPDX-License-Identifier: GPL-2.0-or-later
// Assumes a role by the official SDK for RPC-style interfaces, and prints the access key ID that it gets.
//
//   node sts.js NODE_MODULES ENDPOINT ID SECRET TOKEN ROLE-ARN     exits with 1 and prints the code where it is refused
const [modules, endpoint, accessKeyId, accessKeySecret, securityToken, RoleArn] = process.argv.slice(2);
const { RPCClient } = require(modules + '/@alicloud/pop-core');

const client = new RPCClient({ endpoint, apiVersion: '2015-04-01', accessKeyId, accessKeySecret, securityToken });
client.request('AssumeRole', { RoleArn, RoleSessionName: 'sdk', ExternalId: "a *~/+é'()!" }, { method: 'POST' })
    .then(answer => console.log(answer.Credentials.AccessKeyId))
    .catch(refusal => {
        console.log(refusal.code);
        process.exitCode = 1;
    });
