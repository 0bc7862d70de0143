{{/* Names, labels and the parts that several pods share. */}}

{{- define "flowsensor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 46 characters, so that what is appended (-schema-register) still fits into a name of 63. */}}
{{- define "flowsensor.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- end -}}

{{- define "flowsensor.selectorLabels" -}}
app.kubernetes.io/name: {{ include "flowsensor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/*
(dict "context" $ "component" NAME "labels" {}): only the sensor's own pods match the selector of the DaemonSet and the
Service, whatever labels the values add.
*/}}
{{- define "flowsensor.labels" -}}
{{- $own := dict "helm.sh/chart" (printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_")
    "app.kubernetes.io/name" (include "flowsensor.name" .context)
    "app.kubernetes.io/instance" .context.Release.Name
    "app.kubernetes.io/version" (.context.Values.image.tag | default .context.Chart.AppVersion | trunc 63 | regexFind "[A-Za-z0-9](.*[A-Za-z0-9])?")
    "app.kubernetes.io/component" .component
    "app.kubernetes.io/part-of" "flowsensor"
    "app.kubernetes.io/managed-by" .context.Release.Service -}}
{{- toYaml (mergeOverwrite (deepCopy .context.Values.commonLabels) (deepCopy (.labels | default dict)) $own) -}}
{{- end -}}

{{/*
Of the pods, with the same arguments: nothing that is new with each version of the chart alone, or every upgrade would replace every pod.
*/}}
{{- define "flowsensor.podLabels" -}}
{{- $labels := include "flowsensor.labels" . | fromYaml -}}
{{- $own := omit $labels "helm.sh/chart" "app.kubernetes.io/managed-by" -}}
{{- if and .context.Values.image.digest (not .context.Values.image.tag) }}{{ $own = omit $own "app.kubernetes.io/version" }}{{ end -}}
{{- toYaml $own -}}
{{- end -}}

{{/* metadata of an object: (dict "context" $ "component" NAME "name" NAME "namespace" NAMESPACE "labels" {} "annotations" {}). */}}
{{- define "flowsensor.metadata" -}}
name: {{ .name }}
namespace: {{ .namespace | default .context.Release.Namespace }}
labels:
  {{- include "flowsensor.labels" . | nindent 2 }}
{{- with merge (deepCopy (.annotations | default dict)) .context.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Nothing of a hook stays but a job that failed, and helm shows what that one wrote: (dict "weight" TEXT). */}}
{{- define "flowsensor.hookAnnotations" -}}
{{- dict "helm.sh/hook" "pre-install,pre-upgrade" "helm.sh/hook-weight" .weight
    "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" "helm.sh/hook-output-log-policy" "hook-failed" | toJson -}}
{{- end -}}

{{- define "flowsensor.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "flowsensor.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* Hooks run before the release's own account exists. */}}
{{- define "flowsensor.hookServiceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- include "flowsensor.fullname" . }}-hook
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "flowsensor.image" -}}
{{- $image := .Values.image -}}
{{- $name := ternary $image.repository (printf "%s/%s" $image.registry $image.repository) (empty $image.registry) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Of the hooks' and the test's containers, which capture nothing. */}}
{{- define "flowsensor.toolSecurityContext" -}}
{{- $context := deepCopy .Values.securityContext -}}
{{- $_ := set $context "capabilities" (dict "drop" (list "ALL")) -}}
{{- toYaml $context -}}
{{- end -}}

{{- define "flowsensor.environment" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: HOST_IP
  valueFrom:
    fieldRef:
      fieldPath: status.hostIP
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* "1.5s" isn't one: seconds of a duration as the sensor writes it, rounded up. */}}
{{- define "flowsensor.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]*$" . -}}
{{- if eq $unit "us" }}{{ div (add $number 999999) 1000000 }}
{{- else if eq $unit "ms" }}{{ div (add $number 999) 1000 }}
{{- else }}{{ mul $number (get (dict "" 0 "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) }}
{{- end -}}
{{- end -}}

{{/* Bytes of a size as the sensor writes it. */}}
{{- define "flowsensor.bytes" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $units := dict "" 1 "B" 1 "kB" 1000 "KiB" 1024 "MB" 1000000 "MiB" 1048576 "GB" 1000000000 "GiB" 1073741824 -}}
{{- mul $number (get $units (regexFind "[A-Za-z]*$" .)) -}}
{{- end -}}

{{/* Bytes of a Kubernetes quantity of memory, rounded down; without exponents and fractions of a byte. */}}
{{- define "flowsensor.quantity" -}}
{{- $text := include "flowsensor.scalar" . -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mulf (regexFind "^[0-9.]+" $text | float64) (get $units (regexFind "[A-Za-z]*$" $text)) | int64 -}}
{{- end -}}
