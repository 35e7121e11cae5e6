/** What is deployed of the services, in both stages: functions, deployments, queues, tables, buckets, schedules. */
import { assert, describe, it } from "vitest"
import { loadConfig } from "../../infra/src/Config.ts"
import { definitionOf } from "../../infra/src/constructs/StateMachine.ts"
import { environmentOf } from "../../infra/src/environment.ts"
import { roleName } from "../../infra/src/Names.ts"
import {
  buckets,
  dlqName,
  type QueueDefinition,
  queues,
  type TableDefinition,
  tables
} from "../../infra/src/resources.ts"
import { type FunctionDefinition, type FunctionName, functions } from "../../src/handlers/Functions.ts"
import { services, serviceOf } from "../../infra/src/services.ts"
import { allOf, bothStages, objectsIn, referredTo, resourcesOf, serviceNames, stages, theOne } from "./stackParts.ts"

const names = Object.keys(functions) as ReadonlyArray<FunctionName>
const templates = bothStages()

/** The issue's own numbers, so that a slip in the table of functions shows. */
const limits: Readonly<Record<FunctionName, readonly [seconds: number, memoryMb: number]>> = {
  "mparticle-api-http": [15, 1024],
  "mparticle-api-lambda": [30, 1024],
  "mparticle-api-retry": [60, 1024],
  "mparticle-api-reconcile": [300, 1024],
  "mparticle-api-deletion": [300, 1024],
  staging: [14, 512],
  "staging-sweeper": [60, 1024],
  "dex-trigger-response-archive": [900, 512],
  "dex-archive-verify": [900, 512],
  "id-minter-stepfunction": [30, 1024],
  "id-minter-sqs": [300, 1024],
  "id-minter-pool": [300, 1024],
  "id-minter-migrate": [300, 1024]
}

describe.each(stages)("%s", (stage) => {
  const all = templates[stage]
  const config = loadConfig(stage)
  const functionsMade = allOf(all, "AWS::Lambda::Function").filter(({ Properties }) => "FunctionName" in Properties)

  it("has a stack for each service, with the service's functions and no others", () => {
    for (const service of serviceNames) {
      const made = resourcesOf(all[service], "AWS::Lambda::Function").flatMap(
        ({ Properties }) => Properties["FunctionName"] ?? []
      )
      assert.sameMembers([...made], [...services[service].functions])
    }
    assert.sameMembers(
      serviceNames.flatMap((service) => [...services[service].functions]),
      [...names]
    )
  })

  it.each(names)("%s: Node 24 on arm64, its time and memory, traces, and its environment", (name) => {
    const { Properties } = theOne(functionsMade, "FunctionName", name)
    const [seconds, memoryMb] = limits[name]
    assert.deepInclude(Properties, {
      Runtime: "nodejs24.x",
      Architectures: ["arm64"],
      Handler: "index.handler",
      Timeout: seconds,
      MemorySize: memoryMb,
      TracingConfig: { Mode: "Active" },
      Environment: { Variables: environmentOf(name, config) }
    })
    assert.strictEqual(referredTo(all[serviceOf(name)], Properties["Role"]).Properties["RoleName"], roleName(name))
  })

  it.each(names)("%s: its alias is deployed as a canary, and rolled back on its own errors", (name) => {
    const template = all[serviceOf(name)]
    const aliases = resourcesOf(template, "AWS::Lambda::Alias").filter(
      ({ Properties }) => referredTo(template, Properties["FunctionName"]).Properties["FunctionName"] === name
    )
    assert.deepEqual(
      aliases.map(({ Properties }) => Properties["Name"]),
      ["live"]
    )
    const groups = resourcesOf(template, "AWS::CodeDeploy::DeploymentGroup")
    const { Properties } = theOne(groups, "DeploymentGroupName", name)
    assert.strictEqual(Properties["DeploymentConfigName"], "CodeDeployDefault.LambdaCanary10Percent5Minutes")
    assert.deepEqual(Properties["AutoRollbackConfiguration"], {
      Enabled: true,
      Events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"]
    })
    const policies = objectsIn(aliases[0]?.UpdatePolicy).filter((found) => "DeploymentGroupName" in found)
    assert.deepEqual(
      policies.map((found) => referredTo(template, found["DeploymentGroupName"]).Properties["DeploymentGroupName"]),
      [name]
    )
    const alarms = objectsIn(Properties["AlarmConfiguration"]).flatMap((found) => found["Name"] ?? [])
    const watched = alarms.map((alarm) => referredTo(template, alarm).Properties)
    const own = watched.filter(
      ({ Dimensions, MetricName }) =>
        MetricName === "Errors" && objectsIn(Dimensions).some((found) => found["Value"] === name)
    )
    assert.isNotEmpty(own)
  })

  it("keeps every log for as long as the configuration says", () => {
    const groups = allOf(all, "AWS::Logs::LogGroup")
    assert.includeMembers(
      groups.map(({ Properties }) => Properties["LogGroupName"]),
      names.map((name) => `/aws/lambda/${name}`)
    )
    for (const { Properties } of groups) assert.strictEqual(Properties["RetentionInDays"], config.logRetentionDays)
    for (const service of serviceNames) {
      for (const { Properties } of resourcesOf(all[service], "AWS::Lambda::Function")) {
        const [logGroup] = objectsIn(Properties["LoggingConfig"]).flatMap((found) => found["LogGroup"] ?? [])
        assert.strictEqual(referredTo(all[service], logGroup).Type, "AWS::Logs::LogGroup")
      }
    }
  })

  it("puts the functions of SQL databases, and no others, into the databases' networks", () => {
    for (const name of names) {
      const { Properties } = theOne(functionsMade, "FunctionName", name)
      const networks = { IdMinter: config.idMinter.network, DexArchive: config.dexArchive.network } as const
      const service = serviceOf(name)
      const network = service === "IdMinter" || service === "DexArchive" ? networks[service] : undefined
      assert.deepEqual(
        Properties["VpcConfig"],
        network && { SecurityGroupIds: network.securityGroupIds, SubnetIds: network.subnetIds }
      )
    }
  })

  it("opens no more connections than the database takes, twenty for people left over", () => {
    const { concurrency, connectionsPerProcess, databaseConnections } = config.idMinter
    const reserved = (name: string): unknown =>
      theOne(functionsMade, "FunctionName", name).Properties["ReservedConcurrentExecutions"]
    assert.strictEqual(reserved("id-minter-stepfunction"), concurrency.stepFunction)
    assert.strictEqual(reserved("id-minter-sqs"), concurrency.sqs)
    const processes = services.IdMinter.functions.map((name) => Number(reserved(name))).reduce((a, b) => a + b)
    assert.isAtMost(processes * connectionsPerProcess, databaseConnections - 20)
    for (const name of services.IdMinter.functions) {
      assert.strictEqual(environmentOf(name, config)["max_connections"], String(connectionsPerProcess))
    }
  })

  it("has every queue with its dead letters, encrypted, and hidden for six times its function's time", () => {
    const made = allOf(all, "AWS::SQS::Queue")
    const defined: Readonly<Record<string, QueueDefinition>> = queues(stage)
    assert.strictEqual(made.length, 2 * Object.keys(defined).length)
    for (const [key, { consumer, maxReceiveCount, name, personal }] of Object.entries(defined)) {
      const { Properties } = theOne(made, "QueueName", name)
      const seconds = typeof consumer === "string" ? 6 * limits[consumer][0] : consumer.visibilitySeconds
      assert.strictEqual(Properties["VisibilityTimeout"], seconds, key)
      const expected = { fallback: 5, parking: 1_000 }[key] ?? 3
      assert.strictEqual(maxReceiveCount, expected, key)
      const [redrive] = objectsIn(Properties["RedrivePolicy"])
      assert.strictEqual(redrive?.["maxReceiveCount"], expected, key)
      const deadLetters = theOne(made, "QueueName", dlqName(name)).Properties
      assert.strictEqual(deadLetters["MessageRetentionPeriod"], 14 * 86_400)
      // Contract 1.13 wants as much of the fallback queue; any other queue's dead letters outlive it.
      const days = Number(Properties["MessageRetentionPeriod"]) / 86_400
      if (key === "fallback") assert.strictEqual(days, 14)
      else assert.isBelow(days, 14)
      for (const one of [Properties, deadLetters])
        assert.property(one, personal ? "KmsMasterKeyId" : "SqsManagedSseEnabled")
    }
  })

  it("feeds functions from their queues, record by record", () => {
    const mappings = allOf(all, "AWS::Lambda::EventSourceMapping").map(({ Properties }) => Properties)
    const fed = names.filter((name) => functions[name].queue !== undefined)
    assert.strictEqual(mappings.length, fed.length)
    for (const name of fed) {
      const template = all[serviceOf(name)]
      const { batchSize, maxConcurrency, queue, windowSeconds }: FunctionDefinition = functions[name]
      const queueName = new Map<string, QueueDefinition>(Object.entries(queues(stage))).get(queue ?? "")?.name
      const mapping = resourcesOf(template, "AWS::Lambda::EventSourceMapping").find(
        ({ Properties }) => referredTo(template, Properties["EventSourceArn"]).Properties["QueueName"] === queueName
      )
      assert.deepInclude(mapping?.Properties, {
        BatchSize: batchSize,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
        ScalingConfig: {
          MaximumConcurrency: name === "id-minter-sqs" ? config.idMinter.concurrency.sqs : maxConcurrency
        }
      })
      assert.strictEqual(mapping?.Properties["MaximumBatchingWindowInSeconds"], windowSeconds)
    }
  })

  it("has every table of ours with its keys, expiry and restore, and personal data under our key", () => {
    const made = allOf(all, "AWS::DynamoDB::Table")
    const ours = Object.values<TableDefinition>(tables(stage)).filter(({ foreign }) => foreign !== true)
    assert.strictEqual(made.length, ours.length)
    for (const { expiry, hash, indexes = [], name, personal, range } of ours) {
      const { DeletionPolicy, Properties } = theOne(made, "TableName", name)
      assert.isDefined(expiry)
      assert.deepInclude(Properties, {
        BillingMode: "PAY_PER_REQUEST",
        TimeToLiveSpecification: { AttributeName: expiry, Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: stage === "PROD"
      })
      assert.strictEqual(DeletionPolicy, stage === "PROD" ? "Retain" : "Delete")
      const keys = [hash, range].filter((key) => key !== undefined)
      assert.deepEqual(
        objectsIn(Properties["KeySchema"]).map((key) => key["AttributeName"]),
        keys
      )
      const found = objectsIn(Properties["GlobalSecondaryIndexes"]).flatMap((index) => index["IndexName"] ?? [])
      assert.sameMembers(
        found,
        indexes.map((index) => index.name)
      )
      const [encryption] = objectsIn(Properties["SSESpecification"])
      assert.strictEqual(encryption?.["SSEEnabled"], true)
      assert.strictEqual(encryption?.["KMSMasterKeyId"] !== undefined, personal)
    }
    for (const { Properties } of allOf(all, "AWS::KMS::Key")) assert.strictEqual(Properties["EnableKeyRotation"], true)
  })

  it("has buckets that are encrypted, versioned, never public, and reached by TLS alone", () => {
    const made = allOf(all, "AWS::S3::Bucket")
    assert.sameMembers(
      made.map(({ Properties }) => Properties["BucketName"]),
      Object.values(buckets(stage))
    )
    for (const { DeletionPolicy, Properties } of made) {
      assert.strictEqual(DeletionPolicy, "Retain")
      const algorithm = Properties["BucketName"] === buckets(stage).dex ? "AES256" : "aws:kms"
      assert.include(
        objectsIn(Properties["BucketEncryption"]).map((found) => found["SSEAlgorithm"]),
        algorithm
      )
      assert.deepInclude(Properties, {
        VersioningConfiguration: { Status: "Enabled" },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true
        }
      })
    }
    for (const { Properties } of allOf(all, "AWS::S3::BucketPolicy")) {
      const denied = objectsIn(Properties["PolicyDocument"]).filter((found) => found["Effect"] === "Deny")
      assert.deepEqual(
        denied.map((found) => found["Condition"]),
        [{ Bool: { "aws:SecureTransport": "false" } }]
      )
    }
  })

  it("keeps the archive in cheaper classes, and what was written over for seven years", () => {
    const { Properties } = theOne(allOf(all, "AWS::S3::Bucket"), "BucketName", buckets(stage).dex)
    const rule = objectsIn(Properties["LifecycleConfiguration"]).find((found) => "Id" in found)
    assert.deepInclude(rule, {
      Status: "Enabled",
      Transitions: [
        { StorageClass: "STANDARD_IA", TransitionInDays: 30 },
        { StorageClass: "GLACIER_IR", TransitionInDays: 90 }
      ],
      NoncurrentVersionExpiration: { NoncurrentDays: 2557 }
    })
    assert.notProperty(rule, "ExpirationInDays")
  })

  it("runs schedules in their time zones", () => {
    const made = allOf(all, "AWS::Scheduler::Schedule")
    const scheduled = names.flatMap((name) => {
      const { schedule, warmUp } = functions[name]
      return [
        ...(schedule === undefined ? [] : [{ name, expression: schedule, input: "{}" }]),
        ...(warmUp === undefined ? [] : [{ name, expression: warmUp, input: '{"warmup":true}' }])
      ]
    })
    assert.strictEqual(made.length, scheduled.length)
    for (const { expression, input, name } of scheduled) {
      const { Properties } = theOne(made, "Name", name)
      assert.nestedPropertyVal(Properties, "Target.Input", input)
      assert.deepInclude(Properties, {
        ScheduleExpression: expression,
        ScheduleExpressionTimezone: name === "dex-trigger-response-archive" ? config.dexArchive.triggerTimeZone : "UTC",
        FlexibleTimeWindow: { Mode: "OFF" }
      })
    }
  })

  it("runs the workflows of infra/stateMachines on the id minter's function in service", () => {
    const template = all.IdMinter
    const made = resourcesOf(template, "AWS::StepFunctions::StateMachine")
    assert.sameMembers(
      made.map(({ Properties }) => Properties["DefinitionString"]),
      ["idMinter", "idMinterBatches"].map(definitionOf)
    )
    for (const { Properties } of made) {
      const [substitutions] = objectsIn(Properties["DefinitionSubstitutions"])
      assert.deepEqual(Object.keys(substitutions ?? {}), ["MintFunctionArn"])
      const target = referredTo(template, substitutions?.["MintFunctionArn"])
      assert.strictEqual(target.Type, "AWS::Lambda::Alias")
      assert.strictEqual(
        referredTo(template, target.Properties["FunctionName"]).Properties["FunctionName"],
        "id-minter-stepfunction"
      )
    }
  })
})
