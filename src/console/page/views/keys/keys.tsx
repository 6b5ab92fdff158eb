import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'

export function KeysView() {
  return <View title={texts.value.views.keys}>{null}</View>
}
