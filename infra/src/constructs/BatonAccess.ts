/**
 * How Baton, in other accounts, reaches its function: by the function's own policy, or by a role of ours. Both and the
 * parameter are made from the same list (X-02, contract 1.15). It never gets the role that the function runs under.
 */
import { ArnPrincipal, CompositePrincipal, PolicyDocument, PolicyStatement, Role } from "aws-cdk-lib/aws-iam"
import { CfnPermission } from "aws-cdk-lib/aws-lambda"
import { StringParameter } from "aws-cdk-lib/aws-ssm"
import * as Either from "effect/Either"
import { Construct } from "constructs"
import { parse } from "../../../src/services/AccountAllowList.ts"
import type { StageConfig } from "../Config.ts"
import { alias, functionArn } from "../Names.ts"
import { parameterPath } from "../resources.ts"
import type { ServiceFunction } from "./ServiceFunction.ts"

/** The accounts of the configuration, each once. */
export const allowedAccounts = ({ baton }: StageConfig): ReadonlyArray<string> => [
  ...new Set(Either.getOrThrow(parse("allowedAccounts", baton.allowedAccounts)))
]

/** What lets Baton in. */
export class BatonAccess extends Construct {
  constructor(scope: Construct, config: StageConfig, target: ServiceFunction) {
    super(scope, "BatonAccess")
    const accounts = allowedAccounts(config)
    const { stage } = config
    // By its name alone, as the seed calls it, and by the alias, which takes part in a deployment.
    const callable = [functionArn(config, target.name), functionArn(config, target.name, alias)]
    new Role(this, "Role", {
      roleName: `baton-mparticle-lambda-role-${stage}`,
      assumedBy: new CompositePrincipal(...accounts.map((account) => new ArnPrincipal(`arn:aws:iam::${account}:root`))),
      ...(config.baton.externalId === undefined ? {} : { externalIds: [config.baton.externalId] }),
      inlinePolicies: {
        invoke: new PolicyDocument({
          statements: [new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: callable })]
        })
      }
    })
    for (const account of accounts) {
      for (const [id, functionName] of [
        ["Function", target.lambda.functionArn],
        ["Live", target.live.functionArn]
      ] as const) {
        new CfnPermission(this, `${id}-${account}`, {
          action: "lambda:InvokeFunction",
          functionName,
          principal: account
        })
      }
    }
    new StringParameter(this, "AllowedAccounts", {
      parameterName: `${parameterPath(stage)}/baton-allowed-accounts`,
      stringValue: accounts.join(",")
    })
  }
}
