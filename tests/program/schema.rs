//! What the CustomResourceDefinition of a kind says of its objects.

use serde_json::Value;

/// An object of the kind that the definition defines, in a version that it has.
pub fn fits(object: &Value, crd: &Value) {
    let (group, version) = object["apiVersion"].as_str().unwrap().split_once('/').unwrap();
    assert_eq!((&crd["spec"]["group"], &crd["spec"]["names"]["kind"]), (&group.into(), &object["kind"]));
    let mut versions = crd["spec"]["versions"].as_array().unwrap().iter();
    let version = versions.find(|known| known["name"] == version).unwrap();
    fits_schema(object, &version["schema"]["openAPIV3Schema"], "");
}

/// Known fields and those that are required, types, words and bounds, as a strict API server wants them; `metadata` has no schema.
fn fits_schema(value: &Value, schema: &Value, path: &str) {
    if schema["x-kubernetes-int-or-string"] == true {
        assert!(value.is_string() || value.is_i64(), "{path}: {value}");
        return;
    }
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        _ => "integer",
    };
    assert_eq!(schema["type"], kind, "{path}");
    assert!(schema["enum"].as_array().is_none_or(|words| words.contains(value)), "{path}: {value}");
    if let Value::Object(fields) = value {
        let required = schema["required"].as_array().into_iter().flatten();
        let missing: Vec<_> = required.filter(|name| !fields.contains_key(name.as_str().unwrap())).collect();
        assert!(missing.is_empty(), "{path}: no {missing:?}");
    }
    if let Some(number) = value.as_i64() {
        let [lowest, highest] = ["minimum", "maximum"].map(|bound| schema[bound].as_i64());
        assert!(lowest.is_none_or(|it| it <= number) && highest.is_none_or(|it| number <= it), "{path}: {number}");
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        let known = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
        if path != "/metadata" {
            fits_schema(field, known, &path);
        }
    }
    value.as_array().into_iter().flatten().for_each(|item| fits_schema(item, &schema["items"], path));
}
