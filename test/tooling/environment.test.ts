/** What is written of the functions' environments is what their code reads, and what the deployment sets is enough. */
import { execFile } from "node:child_process"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { loadConfig } from "../../infra/src/Config.ts"
import { clusterSecretName, environmentOf } from "../../infra/src/environment.ts"
import { queues } from "../../infra/src/resources.ts"
import { root } from "../../scripts/build/bundle.ts"
import { documentation, processVariables } from "../../scripts/environment/documentation.ts"
import { template } from "../../scripts/environment/render.ts"
import { isDefault, settingsOf } from "../../scripts/environment/settingsOf.ts"
import { secrets } from "../../scripts/environment/stores.ts"
import { type FunctionName, functions } from "../../src/handlers/Functions.ts"
import { config as stagingSettings } from "../../src/layers/Staging/Settings.ts"

const run = promisify(execFile)

const names = Object.keys(functions) as ReadonlyArray<FunctionName>

const readTemplate = (name: string): Promise<string> => readFile(join(root, "infra/environment", `${name}.env`), "utf8")

const found = (text: string, pattern: RegExp): ReadonlyArray<string> =>
  [...text.matchAll(pattern)].map((match) => match[1] ?? "")

/** The names of a template's settings. */
const inTemplate = (text: string) => ({
  required: found(text, /^(\w+)=/gm),
  known: found(text, /^#?(\w+)=/gm)
})

describe("the templates", () => {
  it("are what the Config definitions say", async () => {
    const { stderr } = await run(process.execPath, ["scripts/environment.ts", "--check"], { cwd: root })
    assert.strictEqual(stderr, "")
  })

  it("exist for every function", async () => {
    const files = await readdir(join(root, "infra/environment"))
    assert.deepStrictEqual(files.toSorted(), names.map((name) => `${name}.env`).toSorted())
  })

  for (const stage of ["CODE", "PROD"] as const) {
    it(`need nothing that the deployment of ${stage} does not set, and know all that it sets`, async () => {
      const config = loadConfig(stage)
      for (const name of names) {
        const { known, required } = inTemplate(await readTemplate(name))
        const set = Object.keys(environmentOf(name, config))
        assert.deepStrictEqual(
          required.filter((setting) => !set.includes(setting)),
          [],
          `${name} lacks`
        )
        assert.deepStrictEqual(
          set.filter((setting) => !known.includes(setting) && !(setting in processVariables)),
          [],
          `${name} never reads`
        )
      }
    })
  }

  it("have a message that comes again known for longer than the parking queue keeps one", () => {
    for (const stage of ["CODE", "PROD"] as const) {
      const { retentionDays } = queues(stage).parking
      for (const name of ["staging", "staging-sweeper"] as const) {
        const set = new Map(Object.entries(environmentOf(name, loadConfig(stage))))
        const { tombstoneTtlSeconds } = Effect.runSync(
          Effect.withConfigProvider(stagingSettings, ConfigProvider.fromMap(set))
        )
        assert.isAbove(tombstoneTtlSeconds, retentionDays * 86_400, `${name} in ${stage}`)
      }
    }
  })

  it("know every name that stands in the definitions", async () => {
    // Beginnings of names, and what Lambda itself sets and no layer reads at its start.
    const others = new Set(["es_downstream", "es_upstream", "AWS_LAMBDA_LOG_STREAM_NAME"])
    const modules = (await readdir(join(root, "src/layers"), { recursive: true })).filter((name) =>
      name.endsWith(".ts")
    )
    const literals = await Promise.all(
      modules.map(async (module) => {
        const source = await readFile(join(root, "src/layers", module), "utf8")
        if (!source.includes('from "effect/Config"')) return []
        return found(source, /\("([A-Z][A-Z0-9]*_[A-Z0-9_]+|(?:db|es|cluster|metrics)_\w+)"/g)
      })
    )
    const named = literals.flat().filter((name) => !others.has(name))
    assert.isAbove(named.length, 50)
    assert.deepStrictEqual(
      named.filter((name) => !(name in documentation)),
      []
    )
  })

  it("mark passwords and keys as secret, and nothing else", () => {
    const marked = Object.keys(documentation).filter((name) => documentation[name]?.secret === true)
    const bySound = Object.keys(documentation).filter((name) => /password|apikey|headers/i.test(name))
    assert.deepStrictEqual(marked, bySound)
  })

  it("give what is required and comment out the rest", () => {
    const text = template("mparticle-api-lambda", { required: ["STAGE"], optional: ["LOG_LEVEL", "es_apikey"] })
    assert.include(text, "# CODE or PROD; part of every parameter's path. Required.\nSTAGE=CODE\n")
    assert.include(text, "Default: INFO.\n#LOG_LEVEL=INFO\n")
    assert.include(text, "Secret. Without it: none.\n#es_apikey=\n")
  })

  it("leave no setting unexplained", () => {
    assert.throws(
      () => template("staging", { required: ["NEW_SETTING"], optional: [] }),
      /NEW_SETTING is not explained/
    )
  })
})

describe("what definitions say", () => {
  const examples = { HOST: "db.example.org", QUEUE: "https://example.org" }
  const port = Config.integer("PORT_NUMBER").pipe(Config.withDefault(3_306))

  it("is which settings must be set", () => {
    const config = Config.all({ host: Config.string("HOST"), port, label: Config.option(Config.string("LABEL")) })
    assert.deepStrictEqual(settingsOf([config], examples), { required: ["HOST"], optional: ["PORT_NUMBER", "LABEL"] })
  })

  it("is the first of two ways, where one is enough", () => {
    const config = Config.string("HOST").pipe(Config.orElse(() => Config.string("ADDRESS")))
    assert.deepStrictEqual(settingsOf([config], examples), { required: ["HOST"], optional: ["ADDRESS"] })
  })

  it("is also what is wanted together with a default", () => {
    const config = Config.all({
      kind: Config.string("KIND").pipe(Config.withDefault("sqs")),
      queue: Config.option(Config.string("QUEUE"))
    }).pipe(
      Config.mapOrFail(({ kind, queue }) =>
        kind === "sqs" && queue._tag === "None"
          ? Either.left(ConfigError.InvalidData(["QUEUE"], "must be set"))
          : Either.right({ kind, queue })
      )
    )
    assert.deepStrictEqual(settingsOf([config], examples), { required: ["QUEUE"], optional: ["KIND"] })
  })

  it("needs an example of what is required", () => {
    assert.throws(() => settingsOf([Config.string("OTHER")], examples), /OTHER has no example/)
  })

  it("tells whether a text is the default", () => {
    assert.isTrue(isDefault([port], "PORT_NUMBER", "3306", examples))
    assert.isFalse(isDefault([port], "PORT_NUMBER", "3307", examples))
    assert.isFalse(isDefault([port], "PORT_NUMBER", "none", examples))
  })
})

describe("the secrets", () => {
  it("have examples that the code takes", () => {
    const examples = Object.entries(secrets).filter(([, { takes }]) => takes !== undefined)
    assert.lengthOf(examples, 6)
    for (const [key, { example, takes }] of examples) assert.isTrue(takes?.(JSON.stringify(example)), key)
  })

  it("of the clusters have the fields that the deployment looks for", () => {
    const config = loadConfig("CODE")
    const fields = Object.values(environmentOf("id-minter-sqs", config)).flatMap((value) =>
      found(value, /\{\{resolve:secretsmanager:[^:]+:SecretString:(\w+)\}\}/g)
    )
    assert.deepStrictEqual(fields.toSorted(), Object.keys(secrets.clusters.example).toSorted())
    assert.strictEqual(secrets.clusters.name, clusterSecretName(config))
  })
})

describe("keys that CloudFormation reads", () => {
  it("are read anew for another version of their secret", () => {
    const config = loadConfig("CODE")
    const clusterKeysVersion = "11111111-2222-4333-8444-555555555555"
    const exchanged = environmentOf("id-minter-sqs", {
      ...config,
      idMinter: { ...config.idMinter, clusterKeysVersion }
    })
    assert.strictEqual(
      exchanged["es_upstream_apikey"],
      `{{resolve:secretsmanager:id-minter/elasticsearch-code:SecretString:upstream_apikey::${clusterKeysVersion}}}`
    )
    assert.match(environmentOf("id-minter-sqs", config)["es_upstream_apikey"] ?? "", /:upstream_apikey\}\}$/)
  })
})
