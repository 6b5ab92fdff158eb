import type { JsonSchema } from './surfaces/json-schema.ts'
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
    components: { schemas: schemasOf(surfaces), securitySchemes },
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

function describeRoute({ name, failure, schemas }: Surface, route: SurfaceRoute): JsonSchema {
  const { summary, access, takes } = route
  // a body without required members may be left out
  const needsBody = takes !== undefined && schemas?.[takes]?.required !== undefined
  const params = [...route.path.matchAll(/\{(\w+)\+?\}/g)].map(([, param]) => param)
  return {
    tags: [name],
    summary,
    ...(access === 'admin' && { description: 'For the key of an admin.' }),
    security: access === 'open' ? [] : Object.keys(securitySchemes).map((scheme) => ({ [scheme]: [] })),
    ...(params.length > 0 && { parameters: params.map(describeParam) }),
    ...(takes && { requestBody: { required: needsBody, content: { 'application/json': refTo(takes) } } }),
    responses: {
      200: { description: summary, content: contentOf(route) },
      default: { description: 'A failure', ...(failure && { content: { 'application/json': refTo(failure) } }) },
    },
  }
}

function describeParam(name: string | undefined): JsonSchema {
  return { name, in: 'path', required: true, schema: { type: 'string' } }
}

function contentOf({ gives, givesText = [], streams }: SurfaceRoute): JsonSchema {
  return {
    ...(gives && { 'application/json': refTo(gives) }),
    ...Object.fromEntries(givesText.map((type) => [type, { schema: { type: 'string' } }])),
    // each event is one JSON text
    ...(streams && { 'text/event-stream': refTo(streams) }),
  }
}

function refTo(name: string): JsonSchema {
  return { schema: { $ref: `#/components/schemas/${name}` } }
}
