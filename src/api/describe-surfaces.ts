import { describeAnswers, describeFailures, headers } from './describe-answers.ts'
import { type JsonSchema, named, nonEmpty } from './surfaces/json-schema.ts'
import type { Surface, SurfaceRoute } from './surfaces/surface.ts'

/** The headers in which a client may send its key. */
const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer' },
  'x-api-key': { type: 'apiKey', in: 'header', name: 'x-api-key' },
  'api-key': { type: 'apiKey', in: 'header', name: 'api-key' },
}

/** The list of surfaces as an OpenAPI document. @throws if two schemas have one name, which is a mistake in the list */
export function describeSurfaces(surfaces: readonly Surface[], version: string): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const surface of surfaces)
    for (const route of surface.routes) {
      const path = route.path.replace('+}', '}')
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(surface, route) }
    }
  return {
    openapi: '3.1.0',
    info: { title: 'tributary', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    tags: surfaces.map(({ name }) => ({ name })),
    paths,
    components: { schemas: schemasOf(surfaces), responses: describeFailures(surfaces), headers, securitySchemes },
  }
}

function schemasOf(surfaces: readonly Surface[]): Readonly<Record<string, JsonSchema>> {
  const all: Record<string, JsonSchema> = {}
  for (const { schemas = {} } of surfaces)
    for (const [name, schema] of Object.entries(schemas)) {
      if (all[name] && all[name] !== schema) throw new Error(`There are two schemas ${name}.`)
      all[name] = schema
    }
  return all
}

function describeRoute(surface: Surface, route: SurfaceRoute): JsonSchema {
  const { summary, access } = route
  const parameters = parametersOf(route)
  return {
    tags: [surface.name],
    summary,
    ...(access === 'admin' && { description: 'For the key of an admin.' }),
    security: access === 'open' ? [] : Object.keys(securitySchemes).map((scheme) => ({ [scheme]: [] })),
    ...(parameters.length > 0 && { parameters }),
    ...bodyOf(route),
    responses: describeAnswers(surface, route),
  }
}

function bodyOf({ takes, takesForm, mayTakeNothing }: SurfaceRoute): JsonSchema {
  const content = {
    ...(takes !== undefined && { 'application/json': { schema: named(takes) } }),
    ...(takesForm !== undefined && { 'multipart/form-data': { schema: named(takesForm) } }),
  }
  if (Object.keys(content).length === 0) return {}
  return { requestBody: { required: mayTakeNothing !== true, content } }
}

function parametersOf({ path, params = {}, query = {}, reads = {} }: SurfaceRoute): readonly JsonSchema[] {
  const inPath = [...path.matchAll(/\{(\w+)\+?\}/g)].map(([, name = '']) => ({
    ...{ name, in: 'path', required: true, schema: params[name] ?? nonEmpty },
  }))
  const others = [
    ['query', query],
    ['header', reads],
  ] as const
  const optional = others.flatMap(([place, schemas]) =>
    Object.entries(schemas).map(([name, schema]) => ({ name, in: place, required: false, schema })),
  )
  return [...inPath, ...optional]
}
