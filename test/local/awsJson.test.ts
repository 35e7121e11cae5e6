import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  UpdateSecretCommand
} from "@aws-sdk/client-secrets-manager"
import {
  DeleteParameterCommand,
  DescribeParametersCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  type PutParameterCommandInput
} from "@aws-sdk/client-ssm"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startSecretsManager } from "../../local/src/aws/SecretsManager.ts"
import { startSsm } from "../../local/src/aws/Ssm.ts"
import { clientsOf, errorName } from "./awsParts.ts"

const folder = mkdtempSync(join(tmpdir(), "aws-json-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const clients = (url: string) => clientsOf({ dynamodb: url, s3: url, secretsmanager: url, sqs: url, ssm: url })

describe("Parameter Store", () => {
  let engine: Awaited<ReturnType<typeof startSsm>>
  let ssm: ReturnType<typeof clients>["ssm"]
  const put = (Name: string, Value: string, more: Partial<PutParameterCommandInput> = {}) =>
    ssm.send(new PutParameterCommand({ Name, Value, Type: "String", ...more }))

  beforeAll(async () => {
    engine = await startSsm()
    ssm = clients(engine.url).ssm
  })
  afterAll(() => engine[Symbol.asyncDispose]())

  it("keeps versions and refuses to overwrite by accident", async () => {
    assert.strictEqual((await put("/v/a", "1")).Version, 1)
    assert.strictEqual(await errorName(put("/v/a", "2")), "ParameterAlreadyExists")
    assert.strictEqual(
      (await ssm.send(new PutParameterCommand({ Name: "/v/a", Value: "2", Overwrite: true }))).Version,
      2
    )
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: "/v/a" }))
    assert.deepInclude(Parameter, {
      Name: "/v/a",
      Type: "String",
      Value: "2",
      Version: 2,
      DataType: "text",
      ARN: "arn:aws:ssm:eu-west-1:000000000000:parameter/v/a"
    })
    assert.approximately(Parameter?.LastModifiedDate?.getTime() ?? 0, Date.now(), 2000)
    assert.strictEqual((await ssm.send(new GetParameterCommand({ Name: Parameter?.ARN }))).Parameter?.Value, "2")
    assert.strictEqual(await errorName(put("v/a", "1")), "ValidationException")
    assert.strictEqual(await errorName(put("/big", "x".repeat(4097))), "ValidationException")
    assert.strictEqual(
      await errorName(ssm.send(new PutParameterCommand({ Name: "/untyped", Value: "1" }))),
      "ValidationException"
    )
  })

  it("shows a secure value only to who asks for its decryption", async () => {
    await put("/secure", "the secret", { Type: "SecureString" })
    const value = async (WithDecryption?: boolean) =>
      (await ssm.send(new GetParameterCommand({ Name: "/secure", WithDecryption }))).Parameter?.Value
    assert.strictEqual(await value(true), "the secret")
    const ciphertext = await value()
    assert.match(ciphertext ?? "", /^AQICAH[A-Za-z0-9+/=]{100,}$/)
    assert.strictEqual(await value(false), ciphertext)
    const { Parameters } = await ssm.send(new GetParametersCommand({ Names: ["/secure"] }))
    assert.strictEqual(Parameters?.[0]?.Value, ciphertext)
  })

  it("reads up to ten by name and says which do not exist", async () => {
    const { InvalidParameters, Parameters } = await ssm.send(new GetParametersCommand({ Names: ["/v/a", "/none"] }))
    assert.deepEqual([Parameters?.map(({ Name }) => Name), InvalidParameters], [["/v/a"], ["/none"]])
    const Names = Array.from({ length: 11 }, (_, index) => `/n/${index}`)
    assert.strictEqual(await errorName(ssm.send(new GetParametersCommand({ Names }))), "ValidationException")
    assert.strictEqual(await errorName(ssm.send(new GetParameterCommand({ Name: "/none" }))), "ParameterNotFound")
  })

  it("reads by path in pages", async () => {
    for (let index = 0; index < 12; index += 1) await put(`/path/p${String(index).padStart(2, "0")}`, "1")
    await put("/path/deep/x", "1")
    await put("/pathology", "1")
    const byPath = (more: object) => ssm.send(new GetParametersByPathCommand({ Path: "/path", ...more }))
    const first = await byPath({})
    assert.lengthOf(first.Parameters ?? [], 10)
    const second = await byPath({ NextToken: first.NextToken })
    assert.deepEqual(
      second.Parameters?.map(({ Name }) => Name),
      ["/path/p10", "/path/p11"]
    )
    assert.isUndefined(second.NextToken)
    assert.strictEqual((await byPath({ Recursive: true, MaxResults: 1 })).Parameters?.[0]?.Name, "/path/deep/x")
    assert.strictEqual(await errorName(byPath({ MaxResults: 11 })), "ValidationException")
    assert.strictEqual(await errorName(byPath({ Path: "path" })), "ValidationException")
  })

  it("deletes, and knows no other operation", async () => {
    await put("/gone", "1")
    await ssm.send(new DeleteParameterCommand({ Name: "/gone" }))
    assert.strictEqual(await errorName(ssm.send(new DeleteParameterCommand({ Name: "/gone" }))), "ParameterNotFound")
    assert.strictEqual(await errorName(ssm.send(new DescribeParametersCommand({}))), "UnknownOperationException")
    const post = async (target: string, body: string) => {
      const response = await fetch(engine.url, { method: "POST", headers: { "x-amz-target": target }, body })
      return [response.status, ((await response.json()) as { __type: string }).__type]
    }
    assert.deepEqual(await post("AmazonSSM.GetParameter", "{"), [400, "SerializationException"])
    assert.deepEqual(await post("AmazonSSM.GetParameter", "3"), [400, "SerializationException"])
    assert.deepEqual(await post("AmazonSSM.GetParameter", '{"Name":3}'), [400, "SerializationException"])
    assert.deepEqual(await post("AmazonSSM.toString", "{}"), [400, "UnknownOperationException"])
    assert.deepEqual(await post("Other.GetParameter", "{}"), [400, "UnknownOperationException"])
  })

  it("keeps its parameters in a file, and says when it cannot be read", async () => {
    const file = join(folder, "below", "ssm.json")
    {
      await using kept = await startSsm({ file })
      await clients(kept.url).ssm.send(new PutParameterCommand({ Name: "/k", Value: "1", Type: "String" }))
    }
    await using again = await startSsm({ file })
    assert.strictEqual(
      (await clients(again.url).ssm.send(new GetParameterCommand({ Name: "/k" }))).Parameter?.Value,
      "1"
    )
    assert.include(readFileSync(file, "utf8"), "/k")
    writeFileSync(file, "{")
    assert.throws(() => startSsm({ file }), `${file} cannot be read`)
  })
})

describe("Secrets Manager", () => {
  let engine: Awaited<ReturnType<typeof startSecretsManager>>
  let client: ReturnType<typeof clients>["secretsmanager"]
  const file = join(folder, "secrets.json")
  const value = (SecretId: string, more: object = {}) => client.send(new GetSecretValueCommand({ SecretId, ...more }))

  beforeAll(async () => {
    engine = await startSecretsManager({ file })
    client = clients(engine.url).secretsmanager
  })
  afterAll(() => engine[Symbol.asyncDispose]())

  it("creates once and reads by name and ARN", async () => {
    const { ARN, VersionId } = await client.send(new CreateSecretCommand({ Name: "dex/api", SecretString: "{}" }))
    assert.match(ARN ?? "", /^arn:aws:secretsmanager:eu-west-1:000000000000:secret:dex\/api-\w{6}$/)
    for (const id of ["dex/api", ARN ?? "", (ARN ?? "").slice(0, -7)]) {
      assert.deepInclude(await value(id), {
        ARN,
        Name: "dex/api",
        SecretString: "{}",
        VersionId,
        VersionStages: ["AWSCURRENT"]
      })
    }
    assert.strictEqual(
      await errorName(client.send(new CreateSecretCommand({ Name: "dex/api", SecretString: "2" }))),
      "ResourceExistsException"
    )
    assert.strictEqual(await errorName(value("none")), "ResourceNotFoundException")
    const SecretBinary = Buffer.from([1, 2, 255])
    await client.send(new CreateSecretCommand({ Name: "binary", SecretBinary }))
    assert.deepEqual(Buffer.from((await value("binary")).SecretBinary ?? []), SecretBinary)
  })

  it("moves the stages with each new version", async () => {
    await client.send(new CreateSecretCommand({ Name: "rotated" }))
    assert.strictEqual(await errorName(value("rotated")), "ResourceNotFoundException")
    for (const SecretString of ["1", "2", "3"])
      await client.send(new PutSecretValueCommand({ SecretId: "rotated", SecretString }))
    const token = "0123456789012345678901234567890123456789"
    const pending = { SecretId: "rotated", SecretString: "4", VersionStages: ["AWSPENDING"], ClientRequestToken: token }
    await client.send(new PutSecretValueCommand(pending))
    await client.send(new PutSecretValueCommand(pending))
    assert.strictEqual(
      await errorName(client.send(new PutSecretValueCommand({ ...pending, SecretString: "5" }))),
      "ResourceExistsException"
    )
    const at = async (VersionStage: string) => (await value("rotated", { VersionStage })).SecretString
    assert.deepEqual([await at("AWSCURRENT"), await at("AWSPREVIOUS"), await at("AWSPENDING")], ["3", "2", "4"])
    assert.strictEqual((await value("rotated", { VersionId: token })).SecretString, "4")
    await client.send(new UpdateSecretCommand({ SecretId: "rotated", SecretString: "5", Description: "d" }))
    assert.deepEqual([await at("AWSCURRENT"), await at("AWSPREVIOUS")], ["5", "3"])
    const described = await client.send(new DescribeSecretCommand({ SecretId: "rotated" }))
    assert.strictEqual(described.Description, "d")
    assert.deepEqual(
      Object.values(described.VersionIdsToStages ?? {})
        .flat()
        .toSorted(),
      ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"]
    )
  })

  it("a deleted secret is marked, or gone", async () => {
    await client.send(new CreateSecretCommand({ Name: "old", SecretString: "1" }))
    await client.send(new DeleteSecretCommand({ SecretId: "old" }))
    const failure = await value("old").catch((error: unknown) => error)
    assert.instanceOf(failure, Error)
    assert.strictEqual(failure.name, "InvalidRequestException")
    assert.include(failure.message, "marked for deletion")
    assert.isDefined((await client.send(new DescribeSecretCommand({ SecretId: "old" }))).DeletedDate)
    assert.strictEqual(
      await errorName(client.send(new CreateSecretCommand({ Name: "old" }))),
      "InvalidRequestException"
    )
    await client.send(new DeleteSecretCommand({ SecretId: "old", ForceDeleteWithoutRecovery: true }))
    assert.strictEqual(await errorName(value("old")), "ResourceNotFoundException")
    await client.send(new CreateSecretCommand({ Name: "old", SecretString: "2" }))
    assert.strictEqual((await value("old")).SecretString, "2")
  })

  it("lists in pages, keeps everything in its file, and knows no other operation", async () => {
    const first = await client.send(new ListSecretsCommand({ MaxResults: 3 }))
    const second = await client.send(new ListSecretsCommand({ NextToken: first.NextToken }))
    const names = [...(first.SecretList ?? []), ...(second.SecretList ?? [])].map(({ Name }) => Name)
    assert.deepEqual(names, ["binary", "dex/api", "old", "rotated"])
    await using again = await startSecretsManager({ file })
    const kept = await clients(again.url).secretsmanager.send(new GetSecretValueCommand({ SecretId: "old" }))
    assert.strictEqual(kept.SecretString, "2")
    assert.strictEqual(
      await errorName(client.send(new RotateSecretCommand({ SecretId: "old" }))),
      "UnknownOperationException"
    )
  })
})
