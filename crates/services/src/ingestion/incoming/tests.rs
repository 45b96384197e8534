use super::*;

#[test]
fn stored_names_are_unique_and_fit_a_file_system() {
    let id = DocumentId::random();
    assert_eq!(stored_name("my file.txt", id), format!("my-file.txt-{id}.json"));
    assert_eq!(stored_name("報告 v2.txt", id), format!("報告-v2.txt-{id}.json"));
    assert_eq!(stored_name("...<:>", id), format!("document-{id}.json"));
    let long = stored_name(&"語".repeat(100), id);
    assert!(long.len() <= 250 && DocumentPath::new("f", &long).is_ok());
}

#[tokio::test]
async fn token_counts_of_long_texts_are_extrapolated() {
    let document = || from_file("a.txt", part(None), &Details::default(), Utc::now()).unwrap().0;
    let long = "word ".repeat(100_000);
    let texts = [String::new(), "three words here".into(), long];
    let documents = texts.into_iter().map(|text| (document(), text)).collect();
    let tokenizer: Arc<dyn Tokenizer> = Arc::new(crate::fakes::world::Words);
    let counted = count_tokens(&tokenizer, documents).await.unwrap();
    let tokens: Vec<_> = counted.iter().map(|(document, _)| document.tokens).collect();
    assert_eq!(tokens[..2], [0, 3]);
    assert!((100_000..=100_010).contains(&tokens[2]), "{tokens:?}");
}

fn part(part: Option<DocumentPart>) -> Extracted {
    let [author, description, source] = ["a", "d", "s"].map(str::to_owned);
    let warnings = Vec::new();
    Extracted { part, title: None, author, description, source, text: "t".into(), warnings }
}

#[test]
fn sheets_share_a_folder_and_mails_are_numbered() {
    let details = Details::default();
    let sheet = part(Some(DocumentPart::Sheet("Q1: costs".into())));
    let folder = folder_for_sheets("my book.xlsx", std::slice::from_ref(&sheet)).unwrap().unwrap();
    let name = folder.as_str();
    assert!(name.starts_with("my-book.xlsx-") && name.len() == 21, "{name}");
    let terms = Terms { folder: Some(folder.clone()), ..Terms::default() };
    let placed = Details { terms, ..Details::default() };
    let (sheet, _) = from_file("my book.xlsx", sheet, &placed, Utc::now()).unwrap();
    assert!(sheet.path.to_string().starts_with(&format!("{folder}/sheet-Q1-costs-")));
    assert_eq!(sheet.title, "my book.xlsx - Sheet:Q1: costs");

    let mail = part(Some(DocumentPart::Mail(12)));
    assert_eq!(folder_for_sheets("a.mbox", std::slice::from_ref(&mail)).unwrap(), None);
    let (mail, _) = from_file("a.mbox", mail, &details, Utc::now()).unwrap();
    assert!(mail.path.to_string().ends_with("-msg-12.json"));
    assert_eq!(mail.title, "a.mbox");
    let long = part(Some(DocumentPart::Mail(u32::MAX)));
    assert!(from_file(&"x".repeat(255), long, &details, Utc::now()).is_ok());
}

#[test]
fn file_names_that_are_paths_are_refused() {
    for bad in ["", ".", "..", "../x.txt", "a/b.txt", "a\\b.txt", "a\0.txt", &"x".repeat(256)] {
        assert!(check_file_name(bad).is_err(), "{bad:?}");
    }
    assert!(check_file_name("日本語 – naïve (1).txt").is_ok());
}

#[test]
fn the_title_of_a_text_is_unchanged() {
    let raw =
        RawText { title: "第3四半期 Plan v2".into(), text: "x y".into(), ..RawText::default() };
    let (document, _) = from_text(raw, Utc::now()).unwrap();
    assert_eq!(document.title, "第3四半期 Plan v2");
    assert_eq!(document.words, 2);
}

#[test]
fn the_slug_of_a_text_drops_its_extension() {
    assert_eq!(text_slug("France facts"), "france-facts");
    assert_eq!(text_slug("a.b.md"), "a-b");
    assert_eq!(text_slug("Q3 Plan v2"), "q3-plan-v2");
    assert_eq!((text_slug("日本語"), text_slug("../../evil")), (String::new(), String::new()));
}

#[test]
fn a_link_is_named_by_its_host_and_path() {
    let slug = |link: &str| link_slug(&Url::parse(link).unwrap());
    assert_eq!(slug("http://127.0.0.1:8080/page.html?q=1#x"), "127.0.0.1_page.html");
    assert_eq!(slug("https://example.com/a/b/"), "example.com_a_b");
    assert_eq!(slug("https://example.com"), "example.com");
    let long = format!("https://example.com/{}", "x".repeat(1000));
    assert!(stored_name(&format!("url-{}", slug(&long)), DocumentId::random()).len() <= 250);
}
