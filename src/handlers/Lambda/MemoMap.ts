/**
 * Builds a function's layers in one fiber, one after the other. Effect's own memo map is made for layers that many fibers
 * build and release at any time: a lock, a promise and a scope for each, some hundred steps, ten thousand for a function.
 * Here all layers are built once, while nothing else runs, and released together: that is a fifth of a cold start.
 *
 * How a layer is composed is known to Effect alone. The forms that are not known here are left to it, and so are those of
 * another version; a test compares the two.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"

type Services = Context.Context<never>
type Building = Effect.Effect<Services, unknown, unknown>
type AnyLayer = Layer.Layer<never, unknown, unknown>

type Form =
  | { readonly _op_layer: "FromEffect"; readonly effect: Building }
  | { readonly _op_layer: "Scoped"; readonly effect: Building }
  | { readonly _op_layer: "Suspend"; readonly evaluate: () => AnyLayer }
  | { readonly _op_layer: "Provide"; readonly first: AnyLayer; readonly second: AnyLayer }
  | {
      readonly _op_layer: "ProvideMerge" | "ZipWith"
      readonly first: AnyLayer
      readonly second: AnyLayer
      readonly zipK: (first: Services, second: Services) => Services
    }
  | { readonly _op_layer: "MergeAll"; readonly layers: ReadonlyArray<AnyLayer> }
  | { readonly _op_layer: "unknown" }

/** A memo map for a runtime of its own. */
export const make = (): Layer.MemoMap => {
  const built = new Map<AnyLayer, Services>()

  const get = (layer: AnyLayer, scope: Scope.Scope): Building =>
    Effect.suspend(() => {
      const services = built.get(layer)
      if (services !== undefined) return Effect.succeed(services)
      return Effect.map(build(layer, scope), (made) => {
        built.set(layer, made)
        return made
      })
    })

  const build = (layer: AnyLayer, scope: Scope.Scope): Building => {
    const form = layer as unknown as Form
    switch (form._op_layer) {
      case "FromEffect":
        return form.effect
      case "Scoped":
        return Scope.extend(form.effect, scope)
      case "Suspend":
        return get(form.evaluate(), scope)
      case "Provide":
        return Effect.flatMap(get(form.first, scope), (services) =>
          Effect.mapInputContext(get(form.second, scope), () => services as Context.Context<unknown>)
        )
      case "ProvideMerge":
      case "ZipWith":
        return Effect.flatMap(get(form.first, scope), (first) =>
          Effect.map(get(form.second, scope), (second) => form.zipK(first, second))
        )
      case "MergeAll":
        return Effect.map(
          Effect.forEach(form.layers, (one) => get(one, scope)),
          (all) => Context.mergeAll(...all)
        )
      default:
        return Layer.buildWithMemoMap(layer, memoMap, scope)
    }
  }

  const memoMap = { [Layer.MemoMapTypeId]: Layer.MemoMapTypeId, getOrElseMemoize: get } as const
  return memoMap
}
