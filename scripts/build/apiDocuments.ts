/** The documents of an HTTP API out of its description: the OpenAPI document, and a page to read and try it. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiSwagger from "@effect/platform/HttpApiSwagger"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as OpenApi from "@effect/platform/OpenApi"
import { api as mparticleApi } from "../../src/handlers/MParticleHttp/Api.ts"

interface Described {
  readonly api: HttpApi.HttpApi.Any
  readonly openApi: () => OpenApi.OpenAPISpec
}

/** The descriptions by the names that the table of functions has for them. */
export const apis: Readonly<Record<string, Described>> = {
  "mparticle-api": { api: mparticleApi, openApi: () => OpenApi.fromApi(mparticleApi) }
}

const apiOf = (name: string): Described => {
  const api = apis[name]
  if (api === undefined) throw new Error(`there is no API ${name}; add it to scripts/build/apiDocuments.ts`)
  return api
}

/** The OpenAPI document of an API, as text. */
export const openApiOf = (name: string): string => `${JSON.stringify(apiOf(name).openApi(), undefined, 2)}\n`

/** The reference page of an API, whole in one file: it needs nothing from anywhere else. */
export const pageOf = async (name: string): Promise<string> => {
  const { dispose, handler } = HttpLayerRouter.toWebHandler(
    HttpApiSwagger.layerHttpLayerRouter({ api: apiOf(name).api, path: "/docs" }),
    { disableLogger: true }
  )
  try {
    return await (await handler(new Request("http://localhost/docs"))).text()
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
