import type { Client, PasteTarget, Settings } from '../../../../connect/client.ts'
import { texts } from '../../i18n/index.ts'
import { CopyBox, CopyButton } from '../../kit/copy.tsx'
import { CheckPart } from './check-part.tsx'
import { model, serverUrl, typedKey, urlIn } from './setup.ts'

/** The settings of one client, and whether they work. */
export function ClientSettings({ client }: { readonly client: Client }) {
  const { connect: words } = texts.value
  const url = urlIn(serverUrl.value)
  const settings = client.settings({
    url: url ?? location.origin,
    model: model.value || 'UPSTREAM/MODEL',
    key: typedKey.value.trim() || undefined,
    claudeAliases: [],
  })
  return (
    <section class="card client" aria-labelledby="client-title">
      <h2 id="client-title">{client.title}</h2>
      {settings.map((part, at) => (
        <SettingsPart key={at} part={part} label={`${words.settingsOf(client.title)}, ${at + 1}`} />
      ))}
      {typedKey.value.trim() === '' && <p class="hint">{words.variable}</p>}
      <CheckPart client={client} />
    </section>
  )
}

function SettingsPart({ part, label }: { readonly part: Settings; readonly label: string }) {
  if (part.kind === 'text')
    return (
      <div class="part">
        <h3>{placeOf(part.into)}</h3>
        <CopyBox text={part.text} label={label} />
      </div>
    )
  return (
    <div class="part">
      <h3>{part.path}</h3>
      <dl class="form-values">
        {part.fields.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>
                <bdi>{value}</bdi>
              </code>
              <CopyButton text={value} />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

function placeOf(target: PasteTarget): string {
  const { connect: words } = texts.value
  if (typeof target !== 'string') return words.inFile(target.file)
  return target === 'terminal' ? words.inTerminal : words.inProgram
}
