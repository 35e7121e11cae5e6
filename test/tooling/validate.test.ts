/** The checks before a deployment let through what is right, and stop at each thing that is not. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { loadConfig } from "../../infra/src/Config.ts"
import { root } from "../../scripts/build/bundle.ts"
import type { Settings } from "../../scripts/environment/settingsOf.ts"
import { optionsOf } from "../../scripts/validate.ts"
import { type Account, inAccount } from "../../scripts/validate/aws.ts"
import { attempted, check, shown, summary, warning } from "../../scripts/validate/Check.ts"
import { configuration, nodeVersion, templates } from "../../scripts/validate/offline.ts"
import { definitionFindings, machineFindings } from "../../scripts/validate/stateMachine.ts"
import { settingFindings, sizeFindings, type Stack, type TemplateResource } from "../../scripts/validate/Template.ts"
import { wildcardFindings } from "../../scripts/validate/wildcards.ts"

const stackOf = (resources: Readonly<Record<string, TemplateResource>>, name = "service-CODE"): Stack => {
  const template = { Resources: resources }
  return { name, template, text: JSON.stringify(template) }
}

const lambda = (name: string, variables: Readonly<Record<string, unknown>>): TemplateResource => ({
  Type: "AWS::Lambda::Function",
  Properties: { FunctionName: name, Environment: { Variables: variables } }
})

const role = (statement: object): TemplateResource => ({
  Type: "AWS::IAM::Role",
  Properties: { Policies: [{ PolicyName: "own", PolicyDocument: { Statement: [{ Effect: "Allow", ...statement }] } }] }
})

const machine = (definition: string): TemplateResource => ({
  Type: "AWS::StepFunctions::StateMachine",
  Properties: { DefinitionString: definition, DefinitionSubstitutions: { MintFunctionArn: "arn" } }
})

const minimal = JSON.stringify({ StartAt: "Only", States: { Only: { Type: "Succeed" } } })

describe("a check", () => {
  it("is shown in a line, with what is wrong below it", () => {
    assert.strictEqual(shown(check("all is well", [])), "passed   all is well")
    assert.strictEqual(shown(check("two", ["first\nsecond"])), "failed   two\n           first\n           second")
    assert.strictEqual(shown(warning("one", ["this"])), "warning  one\n           this")
  })

  it("fails when its work throws, and only a failure stops", async () => {
    const thrown = await attempted("work", () => Promise.reject(new Error("no disk")))
    assert.deepStrictEqual(thrown, { verdict: "failed", what: "work", findings: ["no disk"] })
    assert.deepStrictEqual(summary([check("one", []), warning("two", ["three"])]), {
      line: "1 passed, 1 with warnings, 0 failed",
      ok: true
    })
    assert.isFalse(summary([thrown]).ok)
  })

  it("knows the Node.js that Lambda runs", () => {
    assert.strictEqual(nodeVersion("24.1.0").verdict, "passed")
    assert.strictEqual(nodeVersion("22.20.0").verdict, "failed")
  })
})

describe("templates", () => {
  it("must not be too large, and not empty", () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`R${index}`, { Type: "A" }]))
    assert.deepStrictEqual(sizeFindings([stackOf({ R: { Type: "A" } })]), [])
    assert.match(sizeFindings([stackOf(many)]).join("\n"), /has 500 resources/)
    assert.match(sizeFindings([stackOf({})]).join("\n"), /is empty/)
    const large = stackOf({ R: { Type: "A", Properties: { Text: "x".repeat(1_000_000) } } })
    assert.match(sizeFindings([large]).join("\n"), /bytes, of at most 1000000/)
  })

  it("must give each function what it requires, and nothing that it never reads", () => {
    const settings = new Map<string, Settings>([
      ["staging", { required: ["STAGE_TABLE_NAME"], optional: ["LOG_LEVEL"] }]
    ])
    const findings = (variables: Readonly<Record<string, unknown>>) =>
      settingFindings("CODE", [stackOf({ F: lambda("staging", variables) })], settings, new Set(["NODE_OPTIONS"]))
    assert.deepStrictEqual(findings({ STAGE_TABLE_NAME: { Ref: "Table" }, LOG_LEVEL: "INFO", NODE_OPTIONS: "--x" }), [])
    assert.match(findings({}).join("\n"), /staging lacks STAGE_TABLE_NAME/)
    // An empty variable counts as absent.
    assert.match(findings({ STAGE_TABLE_NAME: "" }).join("\n"), /staging lacks STAGE_TABLE_NAME/)
    assert.match(findings({ STAGE_TABLE_NAME: "a", OTHER: "b" }).join("\n"), /staging is given OTHER/)
    assert.deepStrictEqual(settingFindings("CODE", [], settings, new Set()), [
      "CODE: no stack has the function staging"
    ])
  })

  it("fail as a whole for one that is broken", async () => {
    const good = [
      stackOf({ F: lambda("staging", { A: "1" }), M: machine(minimal) }, "staging-CODE"),
      stackOf({ F: lambda("staging", { A: "1" }) }, "staging-PROD")
    ]
    const settings = new Map<string, Settings>([["staging", { required: ["A"], optional: [] }]])
    const verdicts = async (stacks: ReadonlyArray<Stack>) => summary(await templates(stacks, settings)).line
    assert.strictEqual(await verdicts(good), "5 passed, 0 with warnings, 0 failed")
    assert.strictEqual(await verdicts(good.slice(0, 1)), "3 passed, 0 with warnings, 2 failed")
    const broken = stackOf({ F: lambda("staging", {}), M: machine("{"), R: role({ Action: "s3:*", Resource: "*" }) })
    assert.strictEqual(
      await verdicts([...good.slice(1), { ...broken, name: "staging-CODE" }]),
      "2 passed, 0 with warnings, 3 failed"
    )
  })
})

describe("rights", () => {
  const findings = (statement: object): string =>
    wildcardFindings(stackOf({ R: role(statement) }), new Set(["xray:PutTraceSegments"])).join("\n")

  it("are for what is named", () => {
    const allowed = [
      "arn:aws:sqs:eu-west-1:111122223333:queue",
      "arn:aws:s3:::bucket/*",
      "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/staging:*",
      "arn:aws:secretsmanager:eu-west-1:111122223333:secret:id-minter/database-code-??????",
      { "Fn::GetAtt": ["Key", "Arn"] },
      { "Fn::Join": [":", ["arn:aws:sqs", { Ref: "AWS::Region" }, "1", "queue"]] }
    ]
    assert.strictEqual(findings({ Action: ["sqs:SendMessage", "s3:GetObject"], Resource: allowed }), "")
    assert.strictEqual(findings({ Action: "xray:PutTraceSegments", Resource: "*" }), "")
    assert.strictEqual(findings({ Effect: "Deny", Action: "*", Resource: "*" }), "")
  })

  for (const resource of [
    "*",
    "arn:aws:s3:::*",
    "arn:aws:sqs:eu-west-1:111122223333:*",
    "arn:aws:dynamodb:eu-west-1:111122223333:table/*",
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:*",
    { "Fn::Join": ["", ["arn:aws:sqs:", { Ref: "AWS::Region" }, ":1:*"]] }
  ]) {
    it(`are not for ${JSON.stringify(resource)}`, () => {
      assert.match(
        findings({ Action: ["sqs:SendMessage", "xray:PutTraceSegments"], Resource: resource }),
        /may do sqs:SendMessage on/
      )
    })
  }

  it("are not for all actions of a kind", () => {
    assert.match(
      findings({ Action: "dynamodb:*", Resource: "arn:aws:dynamodb:eu-west-1:1:table/t" }),
      /may do dynamodb:\*/
    )
    const policy = {
      Type: "AWS::IAM::Policy",
      Properties: { PolicyDocument: { Statement: { Action: "*", Resource: "*" } } }
    }
    assert.match(wildcardFindings(stackOf({ P: policy }), new Set()).join("\n"), /P may do \*/)
  })
})

describe("state machines", () => {
  for (const name of ["idMinter", "idMinterBatches"]) {
    it(`${name} holds together`, async () => {
      const text = await readFile(join(root, `infra/stateMachines/${name}.asl.json`), "utf8")
      assert.deepStrictEqual(definitionFindings(name, text, ["MintFunctionArn"]), [])
      assert.deepStrictEqual(definitionFindings(name, text, []), [`${name} is not told what MintFunctionArn is`])
    })
  }

  const pass = { Type: "Pass", End: true }
  const broken: ReadonlyArray<readonly [what: string, machine: unknown, finding: RegExp]> = [
    ["has no states", { StartAt: "A" }, /has no States/],
    ["starts nowhere", { StartAt: "B", States: { A: pass } }, /starts at B/],
    ["leads nowhere", { StartAt: "A", States: { A: { Type: "Pass", Next: "B" } } }, /leads to B/],
    ["has no end", { StartAt: "A", States: { A: { Type: "Pass" } } }, /neither Next nor End/],
    ["has an unknown type", { StartAt: "A", States: { A: { Type: "Jump", End: true } } }, /no known Type/],
    ["has a state that nothing leads to", { StartAt: "A", States: { A: pass, B: pass } }, /m.B is never reached/],
    ["has a task without a resource", { StartAt: "A", States: { A: { Type: "Task", End: true } } }, /no Resource/],
    [
      "has a choice without choices",
      { StartAt: "A", States: { A: { Type: "Choice", Default: "B" }, B: pass } },
      /no Choices/
    ],
    [
      "has a choice that leads nowhere",
      { StartAt: "A", States: { A: { Type: "Choice", Choices: [{ Variable: "$.a", IsNull: true, Next: "B" }] } } },
      /leads to B/
    ],
    [
      "catches to nowhere",
      {
        StartAt: "A",
        States: { A: { Type: "Task", Resource: "r", End: true, Catch: [{ ErrorEquals: ["E"], Next: "B" }] } }
      },
      /leads to B/
    ],
    ["has a map without states", { StartAt: "A", States: { A: { Type: "Map", End: true } } }, /no states within/],
    [
      "has a broken machine within",
      { StartAt: "A", States: { A: { Type: "Map", End: true, ItemProcessor: { StartAt: "C", States: { D: pass } } } } },
      /m.A\[0\] starts at C/
    ]
  ]
  for (const [what, definition, finding] of broken) {
    it(`fail when one ${what}`, () => {
      assert.match(machineFindings("m", definition).join("\n"), finding)
    })
  }
})

describe("a stage's configuration", () => {
  it("may have examples until the stage is deployed", async () => {
    const offline = await configuration("PROD", false)
    assert.strictEqual(offline.verdict, "warning")
    assert.include(offline.findings.join("\n"), "idMinter.databaseHost")
    assert.strictEqual((await configuration("PROD", true)).verdict, "failed")
  })

  it("is asked for by name", () => {
    assert.deepStrictEqual(optionsOf([]), { stage: undefined, aws: false })
    assert.deepStrictEqual(optionsOf(["--stage", "PROD", "--aws"]), { stage: "PROD", aws: true })
    assert.throws(() => optionsOf(["--stage", "TEST"]), /CODE or PROD/)
    assert.throws(() => optionsOf(["--aws"]), /needs --stage/)
    assert.throws(() => optionsOf(["--fast"]))
  })
})

describe("the account", () => {
  const config = loadConfig("CODE")
  const full: Account = {
    secretArn: async (name) => `arn:aws:secretsmanager:eu-west-1:${config.account}:secret:${name}-AbCdEf`,
    existing: async (names) => names
  }
  const findings = async (account: Account): Promise<string> =>
    (await inAccount(config, account)).flatMap((one) => one.findings).join("\n")

  it("has all secrets and parameters", async () => {
    assert.strictEqual(await findings(full), "")
  })

  it("lacks what is not there", async () => {
    const empty = await findings({ secretArn: async () => undefined, existing: async () => [] })
    assert.include(empty, "there is no secret id-minter/database-code")
    assert.include(empty, "there is no secret id-minter/elasticsearch-code")
    assert.include(empty, "there is no parameter /mparticle-api/CODE/email-hash-key")
    // Only where Braze is used.
    assert.notInclude(empty, "braze-api-key")
  })

  it("must be the configured one", async () => {
    const other = await findings({
      ...full,
      secretArn: async (name) => `arn:aws:secretsmanager:eu-west-1:999999999999:secret:${name}-AbCdEf`
    })
    assert.include(other, "is in the account 999999999999, and not in 111122223333")
  })

  it("fails the check when it cannot be asked", async () => {
    const denied = await inAccount(config, { ...full, existing: () => Promise.reject(new Error("AccessDenied")) })
    assert.deepStrictEqual(
      denied.map(({ verdict }) => verdict),
      ["passed", "failed"]
    )
  })
})
