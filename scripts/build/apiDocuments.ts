/** The documents of an HTTP API out of its description: the OpenAPI document, and a page to read and try it. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSwagger from "@effect/platform/HttpApiSwagger"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as OpenApi from "@effect/platform/OpenApi"
import { api as mparticleApi } from "../../src/handlers/MParticleHttp/Api.ts"
import { type Documentation, readDocumentation } from "../contracts/documentation.ts"
import type { JsonObject } from "../contracts/json.ts"
import { finished } from "../contracts/openApi.ts"
import { root } from "./bundle.ts"

interface Described {
  readonly api: HttpApi.HttpApi.Any
  readonly openApi: OpenApi.OpenAPISpec
}

const documentation: Documentation = await readDocumentation(join(root, "src/schemas/index.ts"))

/** The library keeps the document of a description, so that the page shows the one that is made here. */
const described = <Id extends string, Groups extends HttpApiGroup.HttpApiGroup.Any, E, R>(
  api: HttpApi.HttpApi<Id, Groups, E, R>
): Described => {
  const whole = api.annotate(OpenApi.Transform, (spec) =>
    finished(JSON.parse(JSON.stringify(spec)) as JsonObject, documentation)
  )
  return { api: whole, openApi: OpenApi.fromApi(whole, { additionalPropertiesStrategy: "allow" }) }
}

/** The descriptions by the names that the table of functions has for them. */
const apis: Readonly<Record<string, Described>> = { "mparticle-api": described(mparticleApi) }

/** The names of the APIs that have documents. */
export const apiNames: ReadonlyArray<string> = Object.keys(apis)

const apiOf = (name: string): Described => {
  const api = apis[name]
  if (api === undefined) throw new Error(`there is no API ${name}; add it to scripts/build/apiDocuments.ts`)
  return api
}

/** The OpenAPI document of an API, as text. */
export const openApiOf = (name: string): string => `${JSON.stringify(apiOf(name).openApi, undefined, 2)}\n`

/** A browser asks for an icon at the root of the domain, where there is nothing of ours. */
const icon = '<link rel="icon" href="data:," />'

/** The reference page of an API, whole in one file: it needs nothing from anywhere else. */
export const pageOf = async (name: string): Promise<string> => {
  const { dispose, handler } = HttpLayerRouter.toWebHandler(
    HttpApiSwagger.layerHttpLayerRouter({ api: apiOf(name).api, path: "/docs" }),
    { disableLogger: true }
  )
  try {
    const page = await (await handler(new Request("http://localhost/docs"))).text()
    return page.replace("</head>", `  ${icon}\n</head>`)
  } finally {
    await dispose()
  }
}

/** Writes the documents of an API beside its function's bundle. */
export const writeDocuments = async (name: string, folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true })
  await Promise.all([
    writeFile(join(folder, "openapi.json"), openApiOf(name)),
    writeFile(join(folder, "docs.html"), await pageOf(name))
  ])
}
