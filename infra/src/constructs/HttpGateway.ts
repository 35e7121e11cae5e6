/** API Gateway's REST API in front of a function: its routes, who may call them, how often, and what is written down. */
import { RemovalPolicy } from "aws-cdk-lib/core"
import {
  AccessLogFormat,
  AuthorizationType,
  BasePathMapping,
  DomainName,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  ResponseType,
  RestApi,
  SecurityPolicy
} from "aws-cdk-lib/aws-apigateway"
import { Certificate } from "aws-cdk-lib/aws-certificatemanager"
import type { IFunction } from "aws-cdk-lib/aws-lambda"
import { LogGroup } from "aws-cdk-lib/aws-logs"
import { Construct } from "constructs"
import type { StageConfig } from "../Config.ts"
import { routesOf } from "../routes.ts"
import type { ServiceFunction } from "./ServiceFunction.ts"

/** An API. */
export interface HttpGatewayProps {
  readonly name: string
  readonly config: StageConfig
  readonly target: ServiceFunction
  /** Calls a second that go on for long, and at once. */
  readonly throttle: { readonly rate: number; readonly burst: number }
  /** What is answered beyond that, where a caller takes 429 for its last word. */
  readonly throttledStatus?: string
  readonly domain?: { readonly name: string; readonly certificateArn: string } | undefined
}

/** No address, no path with an id in it, no user agent: nothing that says something about a person. */
const accessLog = AccessLogFormat.custom(
  JSON.stringify({
    requestId: "$context.requestId",
    xrayTraceId: "$context.xrayTraceId",
    time: "$context.requestTimeEpoch",
    method: "$context.httpMethod",
    route: "$context.resourcePath",
    status: "$context.status",
    latencyMs: "$context.responseLatency",
    integrationStatus: "$context.integration.status",
    integrationLatencyMs: "$context.integration.latency",
    errorType: "$context.error.responseType",
    responseBytes: "$context.responseLength"
  })
)

const authorisations = { IAM: AuthorizationType.IAM, NONE: AuthorizationType.NONE } as const

/** An HTTP API. */
export class HttpGateway extends Construct {
  readonly api: RestApi

  constructor(scope: Construct, props: HttpGatewayProps) {
    super(scope, "Http")
    const { config, domain, name, target, throttle, throttledStatus } = props
    const logGroup = new LogGroup(this, "AccessLog", {
      logGroupName: `/aws/apigateway/${name}`,
      retention: config.logRetentionDays,
      removalPolicy: config.stage === "PROD" ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
    })
    this.api = new RestApi(this, "Api", {
      restApiName: name,
      endpointTypes: [EndpointType.REGIONAL],
      // With a name of ours there is one door only.
      disableExecuteApiEndpoint: domain !== undefined,
      // The account's own: without it API Gateway writes no log.
      cloudWatchRole: true,
      deployOptions: {
        stageName: config.stage.toLowerCase(),
        accessLogDestination: new LogGroupLogDestination(logGroup),
        accessLogFormat: accessLog,
        // The execution log would have bodies and headers.
        dataTraceEnabled: false,
        metricsEnabled: true,
        tracingEnabled: true,
        throttlingRateLimit: throttle.rate,
        throttlingBurstLimit: throttle.burst
      }
    })
    const integration = new LambdaIntegration(target.live as IFunction, { proxy: true, allowTestInvoke: false })
    for (const { authorisation, method, path } of routesOf(target.name)) {
      this.api.root
        .resourceForPath(path)
        .addMethod(method, integration, { authorizationType: authorisations[authorisation] })
    }
    if (throttledStatus !== undefined) {
      this.api.addGatewayResponse("Throttled", { type: ResponseType.THROTTLED, statusCode: throttledStatus })
    }
    if (domain !== undefined) this.mapDomain(domain)
  }

  private mapDomain({ certificateArn, name }: { readonly name: string; readonly certificateArn: string }): void {
    const domainName = new DomainName(this, "Domain", {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, "Certificate", certificateArn),
      endpointType: EndpointType.REGIONAL,
      securityPolicy: SecurityPolicy.TLS_1_2
    })
    new BasePathMapping(this, "BasePath", { domainName, restApi: this.api })
  }
}
