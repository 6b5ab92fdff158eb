import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { SearchField } from '../../kit/search.tsx'
import { Segments } from '../../kit/segments.tsx'
import { attempt } from '../../kit/toast.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import { Empty, Loaded, View } from '../../kit/view.tsx'
import { Words } from '../../kit/words.tsx'
import { address } from '../../router.ts'
import { askJson } from '../../session/api.ts'
import { useResource } from '../../session/resource.ts'
import { ReloadNotice } from './reload-notice.tsx'
import { SettingTable } from './setting-table.tsx'
import type { ReloadResult, Setting, SettingList } from './types.ts'

/** The settings in force, where they came from, and when a change counts. */
export function SettingsView() {
  const { settings: words, views } = texts.value
  const resource = useResource((signal) => askJson<SettingList>('/admin/settings', { signal }))
  const reloaded = useSignal<ReloadResult | undefined>(undefined)
  const reload = () =>
    attempt(async () => {
      reloaded.value = undefined
      reloaded.value = await askJson<ReloadResult>('/admin/reload', { method: 'POST' })
      resource.reload()
    })
  return (
    <View
      title={views.settings}
      actions={
        <Button kind="main" icon="refresh" onPress={reload}>
          {words.reload}
        </Button>
      }
    >
      <div role="status">{reloaded.value && <ReloadNotice result={reloaded.value} />}</div>
      <Loaded resource={resource}>{(list) => <Settings list={list} />}</Loaded>
    </View>
  )
}

const choices = ['all', 'set'] as const

function Settings({ list: { data, env_file, warnings } }: { readonly list: SettingList }) {
  const { settings: words } = texts.value
  const asked = address.value.query.get('name') ?? ''
  const [text, choice] = [useSignal(asked), useSignal<(typeof choices)[number]>('all')]
  useEffect(() => void (text.value = asked), [asked])
  const wanted = text.value.trim().toLowerCase()
  const shown = data.filter((setting) => (choice.value === 'all' || setting.is_set) && matches(setting, wanted))
  return (
    <>
      <p>
        <Words text={env_file === null ? words.noFile : words.file(env_file)} />{' '}
        <span class="quiet-text">
          <Words text={words.help} />
        </span>
      </p>
      {warnings.length > 0 && (
        <section class="notice warning setting-warnings" aria-labelledby="setting-warnings">
          <h2 id="setting-warnings">{words.warnings}</h2>
          <ul>
            {warnings.map((warning) => (
              <li key={warning}>
                <Untrusted text={warning} max={400} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <div class="row">
        <SearchField label={words.filter} value={text.value} onInput={(written) => void (text.value = written)} />
        <Segments
          label={words.shown}
          value={choice.value}
          options={choices.map((value) => ({ value, text: words.choices[value] }))}
          onChoose={(chosen) => void (choice.value = chosen)}
        />
      </div>
      {shown.length === 0 ? <Empty>{words.noMatch}</Empty> : <SettingTable settings={shown} />}
    </>
  )
}

function matches({ name, value, origin }: Setting, wanted: string): boolean {
  return [name, value ?? '', origin].some((word) => word.toLowerCase().includes(wanted))
}
