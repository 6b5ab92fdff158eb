/** The files in `deploy`, which operators copy: the unit is hardened, and the manifests fit the program. */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { z } from 'zod'
import { startApp } from '../attacks/rig.ts'
import { build, run } from '../e2e/program.ts'

const folder = join(import.meta.dir, '../../deploy')
const read = (name: string) => Bun.file(join(folder, name)).text()

describe('tributary.service', () => {
  test('is what "tributary systemd" prints', async () => {
    await build()
    expect(await run(['systemd'])).toMatchObject({ code: 0, stdout: await read('tributary.service') })
  })

  test.skipIf(!process.env.CI && !Bun.which('systemd-analyze'))('has an exposure of at most 2.0', async () => {
    const analyze = (...args: readonly string[]) =>
      Bun.spawn(['systemd-analyze', 'security', '--offline=true', '--no-pager', ...args], {
        stdout: 'pipe',
        stderr: 'pipe',
      })
    const strict = analyze('--threshold=20', join(folder, 'tributary.service'))
    const said = await strict.stdout.text()
    expect(said).toMatch(/Overall exposure level for tributary.service: [01]\.\d/)
    expect(await strict.exited).toBe(0)
  })
})

/** A manifest, as far as it must fit the program. */
const Manifest = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) })
const Probe = z.looseObject({ httpGet: z.looseObject({ path: z.string(), port: z.string() }) })
const Deployment = z.looseObject({
  spec: z.looseObject({
    replicas: z.number(),
    template: z.looseObject({
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number(),
        containers: z.tuple([
          z.looseObject({
            env: z.array(z.looseObject({ name: z.string(), value: z.string() })),
            startupProbe: Probe,
            livenessProbe: Probe,
            readinessProbe: Probe,
          }),
        ]),
      }),
    }),
  }),
})

describe('kubernetes.yaml', async () => {
  const manifests = z.array(Manifest).parse(Bun.YAML.parse(await read('kubernetes.yaml')))

  test('has two replicas with Valkey, and one may always stop', () => {
    const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    expect(names).toEqual([
      'Deployment tributary',
      'Service tributary',
      'PodDisruptionBudget tributary',
      'StatefulSet tributary-valkey',
      'Service tributary-valkey',
      'NetworkPolicy tributary-valkey',
    ])
  })

  test('gives a pod longer than its grace, and asks routes that exist', async () => {
    const { replicas, template } = Deployment.parse(manifests[0]).spec
    const [{ env, ...probes }] = template.spec.containers
    const seconds = (name: string) => Number(env.find((variable) => variable.name === name)?.value)
    expect(replicas).toBe(2)
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(
      seconds('SHUTDOWN_DELAY') + seconds('SHUTDOWN_GRACE'),
    )
    await using app = startApp()
    for (const { httpGet } of [probes.startupProbe, probes.livenessProbe, probes.readinessProbe])
      expect((await fetch(app.url + httpGet.path)).status).toBe(200)
  })
})

test('compose.yaml has Valkey as a profile, and the state in a volume', async () => {
  const Compose = z.looseObject({
    services: z.looseObject({
      tributary: z.looseObject({ volumes: z.array(z.string()), environment: z.record(z.string(), z.string()) }),
      valkey: z.looseObject({ profiles: z.array(z.string()) }),
    }),
  })
  const { services } = Compose.parse(Bun.YAML.parse(await read('compose.yaml')))
  expect(services.valkey.profiles).toEqual(['valkey'])
  expect(services.tributary.volumes).toEqual([`state:${services.tributary.environment.STATE_DIRECTORY}`])
})
