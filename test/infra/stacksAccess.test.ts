/** Who may do what, in both stages: the functions' roles, the HTTP APIs' callers, Baton, and no stars. */
import { assert, describe, it } from "vitest"
import type { StageConfig } from "../../infra/src/Config.ts"
import { parameterPath } from "../../infra/src/resources.ts"
import { roleName } from "../../infra/src/Names.ts"
import { grantsOf, unbound } from "../../infra/src/policies.ts"
import { serviceOf } from "../../infra/src/services.ts"
import { type FunctionName, functions } from "../../src/handlers/Functions.ts"
import {
  allOf,
  bothStages,
  listOf,
  objectsIn,
  referredTo,
  type Resource,
  resourcesOf,
  stages,
  theOne
} from "./stackParts.ts"

const names = Object.keys(functions) as ReadonlyArray<FunctionName>

/** Two accounts, one of them twice: what is made of the list is made once for each. */
const accounts = ["111111111111", "222222222222"]
const change = (config: StageConfig): StageConfig => ({
  ...config,
  baton: { ...config.baton, allowedAccounts: "111111111111, 222222222222,111111111111", externalId: "baton" },
  staging: { ...config.staging, domain: { name: "hooks.example.org", certificateArn: "arn:aws:acm:eu-west-1:1:c/1" } },
  idMinter: { ...config.idMinter, worksTopicArn: "arn:aws:sns:eu-west-1:333333333333:works" },
  mparticle: { ...config.mparticle, deletionTopicArn: "arn:aws:sns:eu-west-1:333333333333:deleted" }
})
const templates = bothStages(change)

/** The statements of a role's own policies. */
const statementsOf = ({ Properties }: Resource) =>
  objectsIn(Properties["Policies"]).filter((found) => found["Effect"] === "Allow")

const actionsOf = (statement: Readonly<Record<string, unknown>>): ReadonlyArray<string> =>
  listOf(statement["Action"]).map(String)

/** Actions on everything, and what about them cannot be less. */
const reasons = new Map<string, string>([
  ...unbound.tracing.map((action) => [action, "X-Ray has no resources"] as const),
  ...unbound.network.map((action) => [action, "Lambda makes the interfaces, and they have no names before"] as const)
])

const permitted = { accounts, action: "lambda:InvokeFunction" }

describe.each(stages)("%s", (stage) => {
  const all = templates[stage]
  const roles = allOf(all, "AWS::IAM::Role")

  it("keeps the names of roles that the seeds give", () => {
    assert.strictEqual(roleName("staging"), "StagingLambdaRole")
    assert.strictEqual(roleName("dex-trigger-response-archive"), "DexTriggerArchiveLambdaRole")
    for (const name of [...names.map(roleName), `baton-mparticle-lambda-role-${stage}`]) theOne(roles, "RoleName", name)
  })

  it.each(names)("%s: one policy, with its grants, its own log, traces, and nothing more", (name) => {
    const role = theOne(roles, "RoleName", roleName(name))
    assert.strictEqual(listOf(role.Properties["Policies"]).length, 1)
    assert.notProperty(role.Properties, "ManagedPolicyArns")
    const granted = new Set(grantsOf(name).flatMap(({ actions }) => actions))
    const isSql = serviceOf(name) === "IdMinter" || serviceOf(name) === "DexArchive"
    const other = statementsOf(role)
      .flatMap(actionsOf)
      .filter((action) => !granted.has(action))
    const surroundings = [
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      ...unbound.tracing,
      ...(isSql ? unbound.network : [])
    ]
    assert.sameMembers(
      other.filter((action) => !action.startsWith("kms:")),
      surroundings
    )
    for (const action of granted) assert.isTrue(statementsOf(role).flatMap(actionsOf).includes(action), action)
    const logs = statementsOf(role).find((statement) => actionsOf(statement).includes("logs:PutLogEvents"))
    assert.match(String(logs?.["Resource"]), new RegExp(`:log-group:/aws/lambda/${name}:\\*$`))
  })

  it("lets functions use keys through the services that hold the data, and not otherwise", () => {
    const usesKey = roles
      .flatMap(statementsOf)
      .filter((statement) => actionsOf(statement).some((a) => a.startsWith("kms:")))
    assert.isNotEmpty(usesKey)
    for (const statement of usesKey) {
      assert.property(objectsIn(statement["Condition"])[1], "kms:ViaService")
      assert.notInclude(listOf(statement["Resource"]), "*")
    }
  })

  it("has no policy outside of roles, and no star but where AWS knows nothing narrower", () => {
    assert.isEmpty(allOf(all, "AWS::IAM::Policy"))
    assert.isEmpty(allOf(all, "AWS::IAM::ManagedPolicy"))
    for (const statement of roles.flatMap(statementsOf)) {
      for (const action of actionsOf(statement)) {
        assert.notInclude(action, "*")
        if (listOf(statement["Resource"]).includes("*")) assert.isTrue(reasons.has(action), `${action} on everything`)
      }
      for (const resource of listOf(statement["Resource"])) {
        // A star at the end stands for the objects of a bucket, or the streams of a log group; the ones within for a tenant's names.
        if (typeof resource !== "string" || resource === "*" || resource.includes(":secret:ai-multi-comms/")) continue
        assert.match(resource, /^[^*]*$|^arn:aws:s3:::[^*]+\/[^*]*\*$|:log-group:[^*]+:\*$/)
      }
    }
  })

  it("takes managed policies for AWS's own services alone", () => {
    const arns = roles
      .flatMap(({ Properties }) => listOf(Properties["ManagedPolicyArns"] ?? []))
      .map((arn) => JSON.stringify(arn))
    assert.isNotEmpty(arns)
    const known = /AWSCodeDeployRoleForLambdaLimited|AmazonAPIGatewayPushToCloudWatchLogs/
    for (const arn of arns) assert.match(arn, known)
  })

  it("X-02: lets exactly the allowed accounts assume Baton's role, which may call one function", () => {
    const role = theOne(roles, "RoleName", `baton-mparticle-lambda-role-${stage}`)
    const trust = objectsIn(role.Properties["AssumeRolePolicyDocument"]).filter((found) => "Principal" in found)
    assert.deepEqual(
      trust.map((found) => found["Principal"]),
      permitted.accounts.map((account) => ({ AWS: `arn:aws:iam::${account}:root` }))
    )
    for (const { Action, Condition } of trust) {
      assert.strictEqual(Action, "sts:AssumeRole")
      assert.deepEqual(Condition, { StringEquals: { "sts:ExternalId": "baton" } })
    }
    const statements = statementsOf(role)
    assert.deepEqual(
      statements.map(({ Action }) => Action),
      [permitted.action]
    )
    const account = stage === "CODE" ? "111122223333" : "123456789012"
    const arn = `arn:aws:lambda:eu-west-1:${account}:function:mparticle-api-lambda`
    assert.deepEqual(statements[0]?.["Resource"], [arn, `${arn}:live`])
  })

  it("X-02: the function's policy and the parameter name the same accounts", () => {
    const permissions = resourcesOf(all.Baton, "AWS::Lambda::Permission").map(({ Properties }) => Properties)
    assert.sameMembers([...new Set(permissions.map(({ Principal }) => String(Principal)))], permitted.accounts)
    assert.strictEqual(permissions.length, 2 * permitted.accounts.length)
    for (const { Action, FunctionName } of permissions) {
      assert.strictEqual(Action, permitted.action)
      const target = referredTo(all.Baton, FunctionName)
      const lambda =
        target.Type === "AWS::Lambda::Alias" ? referredTo(all.Baton, target.Properties["FunctionName"]) : target
      assert.strictEqual(lambda.Properties["FunctionName"], "mparticle-api-lambda")
    }
    const parameters = allOf(all, "AWS::SSM::Parameter")
    const { Properties } = theOne(parameters, "Name", `${parameterPath(stage)}/baton-allowed-accounts`)
    assert.strictEqual(Properties["Value"], permitted.accounts.join(","))
  })

  it("wants AWS authorisation for everything of MParticle's but the callback and health", () => {
    const template = all.MParticle
    const pathOf = (resourceId: unknown): string => {
      const { Properties, Type } = referredTo(template, resourceId)
      return Type === "AWS::ApiGateway::RestApi"
        ? ""
        : `${pathOf(Properties["ParentId"])}/${String(Properties["PathPart"])}`
    }
    const methods = resourcesOf(template, "AWS::ApiGateway::Method").map(({ Properties }) => [
      `${String(Properties["HttpMethod"])} ${pathOf(Properties["ResourceId"])}`,
      Properties["AuthorizationType"]
    ])
    assert.deepEqual(Object.fromEntries(methods), {
      "POST /data-subject-requests": "AWS_IAM",
      "GET /data-subject-requests/{id}": "AWS_IAM",
      "POST /data-subject-requests/{id}/callback": "NONE",
      "POST /events": "AWS_IAM",
      "GET /health": "NONE",
      "GET /openapi.json": "AWS_IAM",
      "GET /docs": "AWS_IAM"
    })
  })

  it("takes webhooks from anybody, and answers 503 to what is too much, which Twilio brings again", () => {
    const methods = resourcesOf(all.Staging, "AWS::ApiGateway::Method").map(({ Properties }) => Properties)
    assert.strictEqual(methods.length, 6)
    for (const { AuthorizationType, HttpMethod } of methods) {
      assert.strictEqual(AuthorizationType, "NONE")
      assert.include(["POST", "OPTIONS"], HttpMethod)
    }
    const [answer] = resourcesOf(all.Staging, "AWS::ApiGateway::GatewayResponse")
    assert.deepInclude(answer?.Properties, { ResponseType: "THROTTLED", StatusCode: "503" })
  })

  it("throttles as documented, traces, and writes down nothing about a person", () => {
    const limits = { MParticle: [2_000, 5_000], Staging: [10, 20] } as const
    for (const service of ["MParticle", "Staging"] as const) {
      const [made] = resourcesOf(all[service], "AWS::ApiGateway::Stage")
      const [rate, burst] = limits[service]
      const [settings] = objectsIn(made?.Properties["MethodSettings"])
      assert.deepInclude(settings, {
        HttpMethod: "*",
        ResourcePath: "/*",
        ThrottlingRateLimit: rate,
        ThrottlingBurstLimit: burst,
        DataTraceEnabled: false
      })
      assert.strictEqual(made?.Properties["TracingEnabled"], true)
      const format = JSON.stringify(made?.Properties["AccessLogSetting"])
      assert.notMatch(format, /context\.(?:identity|path\b|authorizer|domainName)/)
    }
  })

  it("lets API Gateway, schedules and workflows call the version in service, and nothing else", () => {
    for (const service of ["MParticle", "Staging"] as const) {
      for (const { Properties } of resourcesOf(all[service], "AWS::Lambda::Permission")) {
        assert.strictEqual(Properties["Principal"], "apigateway.amazonaws.com")
        assert.property(Properties, "SourceArn")
        assert.strictEqual(referredTo(all[service], Properties["FunctionName"]).Type, "AWS::Lambda::Alias")
      }
    }
    const callers = /(?:scheduler|states)\.amazonaws\.com/
    for (const service of ["MParticle", "Staging", "IdMinter", "DexArchive"] as const) {
      for (const role of resourcesOf(all[service], "AWS::IAM::Role")) {
        if (!callers.test(JSON.stringify(role.Properties["AssumeRolePolicyDocument"]))) continue
        const statements = statementsOf(role)
        assert.deepEqual(
          statements.map(({ Action }) => Action),
          ["lambda:InvokeFunction"]
        )
        assert.strictEqual(referredTo(all[service], statements[0]?.["Resource"]).Type, "AWS::Lambda::Alias")
      }
    }
  })

  it("lets a topic write to its queue, and no other", () => {
    const allowed = allOf(all, "AWS::SQS::QueuePolicy").flatMap(({ Properties }) =>
      objectsIn(Properties["PolicyDocument"]).filter((found) => found["Effect"] === "Allow")
    )
    assert.sameDeepMembers(
      allowed.map(({ Action, Condition }) => [Action, Condition]),
      ["deleted", "works"].map((topic) => [
        "sqs:SendMessage",
        { ArnEquals: { "aws:SourceArn": `arn:aws:sns:eu-west-1:333333333333:${topic}` } }
      ])
    )
    assert.strictEqual(
      allOf(all, "AWS::SNS::Subscription").filter(({ Properties }) => Properties["Protocol"] === "sqs").length,
      2
    )
  })

  it("has one door where there is a name of ours", () => {
    const [api] = resourcesOf(all.Staging, "AWS::ApiGateway::RestApi")
    assert.strictEqual(api?.Properties["DisableExecuteApiEndpoint"], true)
    const [domain] = resourcesOf(all.Staging, "AWS::ApiGateway::DomainName")
    assert.deepInclude(domain?.Properties, { DomainName: "hooks.example.org", SecurityPolicy: "TLS_1_2" })
    assert.isEmpty(resourcesOf(all.MParticle, "AWS::ApiGateway::DomainName"))
  })
})
